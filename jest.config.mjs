// The projects of jest: one for each package, one for the examples, one for what crosses packages, and one for each
// kind of tests that takes long.
import { existsSync } from 'node:fs'

const swc = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
  module: { type: 'es6' },
  sourceMaps: 'inline',
}

/**
 * Tests that take long, for example because they install packages: `npm run test:everything` runs them, `npm test` does
 * not.
 */
export const LONG = ['installed', 'tools', 'bench', 'chaos', 'browser', 'fuzz', 'soak']

/**
 * One jest project per package, and one for what crosses packages. Sources are tested, not builds, except where a test
 * starts another Node process.
 */
const project = (displayName, root) => ({
  displayName,
  ...(displayName === 'installed' && {
    globalSetup: '<rootDir>/test/installed/set-up.mjs',
    globalTeardown: '<rootDir>/test/installed/tear-down.mjs',
  }),
  ...(displayName === 'browser' && { globalSetup: '<rootDir>/test/browser/set-up.mjs' }),
  rootDir: import.meta.dirname,
  // The folders with a project of their own.
  testPathIgnorePatterns: LONG.map((name) => `<rootDir>/test/${name}/`).filter((path) => path !== `<rootDir>/${root}/`),
  roots: [`<rootDir>/${root}`],
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/support/stack-limit.mjs'],
  setupFilesAfterEnv: ['<rootDir>/test/support/no-empty-expectation.mjs'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    '^@terrarium/(supervisor|threads|inspector|process|worker|pool|observe|cli)$': '<rootDir>/packages/$1/src/index.ts',
    '^@terrarium/supervisor/(base|otp|replay|strategies)$': '<rootDir>/packages/supervisor/src/$1.ts',
    '^@terrarium/supervisor/testing$': '<rootDir>/packages/supervisor/src/testing/index.ts',
    '^@terrarium/process/system$': '<rootDir>/packages/process/src/system.ts',
    '^@terrarium/observe/client$': '<rootDir>/packages/observe/src/client/index.ts',
    '^@terrarium/pool/testing$': '<rootDir>/packages/pool/src/testing/index.ts',
    '^@terrarium/threads/web$': '<rootDir>/packages/threads/src/web/index.ts',
    '^@terrarium/inspector/web$': '<rootDir>/packages/inspector/src/web/index.ts',
    '^@terrarium/inspector/vite$': '<rootDir>/packages/inspector/src/node/vite.ts',
    '^@terrarium/inspector/server$': '<rootDir>/packages/inspector/src/node/server.ts',
    '^@terrarium/inspector/protocol$': '<rootDir>/packages/inspector/src/protocol.ts',
    '^@terrarium/threads/thread$': '<rootDir>/packages/threads/src/node/thread.ts',
  },
})

// Git keeps no empty folder, and jest refuses a root that does not exist.
const exists = ([, root]) => existsSync(new URL(root, import.meta.url))

export default {
  // A guard against a test that hangs, not a bound on how long anything may take.
  testTimeout: 120_000,
  projects: [
    ...['supervisor', 'threads', 'inspector', 'process', 'worker', 'pool', 'observe', 'cli'].map((name) => [
      name,
      `packages/${name}/test`,
    ]),
    ['examples', 'examples'],
    ['integration', 'test'],
    ...LONG.map((name) => [name, `test/${name}`]),
  ]
    .filter(exists)
    .map(([name, root]) => project(name, root)),
}
