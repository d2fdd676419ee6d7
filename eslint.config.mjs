// The rules of the lint: those of typescript-eslint in their strict form, which part may import which, what only Node
// has, and what tests may not do.
import js from '@eslint/js'
import tseslint from 'typescript-eslint'
import boundaries from './scripts/lint/boundaries.mjs'
import { noEmptyExpectation, restrictedInTests } from './scripts/lint/test-rules.mjs'

const NODE_GLOBALS = [
  ...['process', 'console', 'URL', 'Buffer', 'performance', 'fetch', 'AbortController', 'AbortSignal'],
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'],
]

/** The example of React and the page of the inspector are for a browser, with types of their own. */
const PROJECTS = [
  './tsconfig.check.json',
  './examples/react-supervision/tsconfig.json',
  './packages/inspector/page/tsconfig.json',
]

const NODE_ONLY = 'process Buffer setImmediate clearImmediate global require __dirname __filename'.split(' ')

export default tseslint.config(
  { ignores: ['**/dist/', '**/generated/', '.venv/', '.setup/', 'coverage/', 'python/', 'test/lint/fixtures/'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: PROJECTS, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  ...boundaries,
  {
    // The supervisor runs in browsers too, and so do threads and the inspector but for their halves for Node.
    files: ['packages/supervisor/src/**/*.ts', 'packages/{threads,inspector}/src/{shared,web}/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...NODE_ONLY.map((name) => ({ name, message: 'It exists in Node only.' }))],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSQualifiedName[left.name="NodeJS"]', message: 'It exists in Node only.' },
      ],
    },
  },
  {
    files: ['**/test/**/*.ts', '**/*.test.ts'],
    ignores: ['test/support/when.ts'],
    plugins: { terrarium: { rules: { 'no-empty-expectation': noEmptyExpectation } } },
    rules: {
      'no-restricted-syntax': ['error', ...restrictedInTests],
      'terrarium/no-empty-expectation': 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  { files: ['**/*.cjs'], languageOptions: { globals: { require: 'readonly', console: 'readonly' } } },
)
