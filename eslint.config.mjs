// The rules of the lint that oxlint lacks: which part may import which, what only Node has, and what tests may not do.
// None of them needs types, so a file is linted by itself. The other rules are in .oxlintrc.json.
import tseslint from 'typescript-eslint'
import boundaries from './scripts/lint/boundaries.mjs'
import { restrictedInTests } from './scripts/lint/test-rules.mjs'

const NODE_ONLY = 'process Buffer setImmediate clearImmediate global require __dirname __filename'.split(' ')

export default [
  { ignores: ['**/dist/', '**/generated/', '.venv/', '.setup/', 'coverage/', 'python/', 'test/lint/fixtures/'] },
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parser: tseslint.parser },
    // oxlint looks into type assertions, where the author has vouched for a value.
    rules: { 'no-unsafe-optional-chaining': 'error' },
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
    rules: { 'no-restricted-syntax': ['error', ...restrictedInTests] },
  },
]
