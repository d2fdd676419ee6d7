import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ESLint } from 'eslint'
import tseslint from 'typescript-eslint'
import boundaries from '../../scripts/lint/boundaries.mjs'
import { ROOT } from '../support/command.ts'

const parser = { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } }
const whole = new ESLint({ cwd: ROOT })
const eslint = new ESLint({ cwd: ROOT, overrideConfigFile: true, baseConfig: [parser, ...boundaries] as never })

async function rulesBroken(path: string, text: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(text, { filePath: join(ROOT, path) })
  return result?.messages.map(({ ruleId }) => ruleId) ?? []
}

const POOL = 'packages/pool/src/index.ts'
const CORE = 'packages/supervisor/src/core/decide.ts'

test.each([
  ['downward', POOL, "import '@terrarium/process'\nimport type { A } from '@terrarium/supervisor'"],
  ['inside a package', POOL, "import './pool.ts'"],
  ['of other packages and of Node', POOL, "import 'node:fs'\nimport 'fs/promises'\nimport type { Logger } from 'pino'"],
  ['of the supervisor by threads', 'packages/threads/src/shared/logic.ts', "import '@terrarium/supervisor/base'"],
  ['of Node by the half of the inspector for it', 'packages/inspector/src/node/x.ts', "import 'node:http'"],
  [
    'of types of the inspector by its page',
    'packages/inspector/page/x.ts',
    "import type { Value } from '../src/shared/protocol.ts'",
  ],
  ['of Node by the half of threads for it', 'packages/threads/src/node/x.ts', "import 'node:worker_threads'"],
  ['of the base by its door', 'packages/process/src/index.ts', "import '@terrarium/supervisor/base'"],
  ['of a door beside the first', 'packages/pool/test/x.ts', "import '@terrarium/supervisor/testing'"],
  [
    'of the tests of a package',
    'packages/pool/test/x.ts',
    "import '../src/pool.ts'\nimport '../../../test/support/values.ts'",
  ],
  ['of tests and examples', 'test/x.ts', "import '@terrarium/cli'\nimport './support/values.ts'"],
])('imports %s are allowed', async (_, path, text) => {
  expect(await rulesBroken(path, text)).toEqual([])
})

const DEPENDENCIES = 'boundaries/dependencies'

test.each([
  ['upward', 'packages/worker/src/index.ts', "import '@terrarium/pool'"],
  ['upward, dynamic', 'packages/process/src/index.ts', "await import('@terrarium/cli')"],
  ['upward, of a type', 'packages/process/src/index.ts', "import type { A } from '@terrarium/worker'"],
  ['upward, of a type in an expression', 'packages/process/src/index.ts', "type A = import('@terrarium/worker').A"],
  ['upward, as an export', 'packages/supervisor/src/index.ts', "export * from '@terrarium/process'"],
  ['upward inside the supervisor', CORE, "import type { A } from '../handle.ts'"],
  ['past a door by name', 'test/x.ts', "import '@terrarium/pool/src/queue.ts'"],
  ['by a door that does not exist', 'test/x.ts', "import '@terrarium/process/testing'"],
  ['past a door by path', 'packages/cli/test/x.ts', "import '../../pool/src/index.ts'"],
  ['past a door by path, downward', 'packages/cli/src/index.ts', "import '../../pool/src/index.ts'"],
  ['past a door by path, from an example', 'examples/a/src/x.ts', "import '../../../packages/pool/src/index.ts'"],
  ['out of a package', POOL, "import '../../../test/support/values.ts'"],
  ['of tests by sources', POOL, "import '../test/support.ts'"],
  ['of a module of Node in the supervisor', CORE, "import 'node:timers'"],
  ['of a module of Node without its prefix', CORE, "import 'fs/promises'"],
  ['of a module of Node in threads', 'packages/threads/src/web/x.ts', "import 'node:worker_threads'"],
  ['of the half for Node by the half for browsers', 'packages/threads/src/web/x.ts', "import '../node/mark.ts'"],
  ['of a module of Node in the inspector', 'packages/inspector/src/shared/x.ts', "import 'node:http'"],
  ['of any package by the inspector', 'packages/inspector/src/node/x.ts', "import '@terrarium/supervisor'"],
  ['of the inspector by a floor', 'packages/pool/src/index.ts', "import '@terrarium/inspector'"],
  ['of the half for Node by the page', 'packages/inspector/page/x.ts', "import '../src/node/guard.ts'"],
  ['of the observer by a pool', 'packages/pool/src/index.ts', "import '@terrarium/observe'"],
  ['of threads by a floor', 'packages/pool/src/index.ts', "import '@terrarium/threads'"],
  ['of a floor by threads', 'packages/threads/src/node/x.ts', "import '@terrarium/process'"],
  ['of XState in the base', 'packages/supervisor/src/base/clock.ts', "import type { A } from 'xstate'"],
])('an import %s is refused', async (_, path, text) => {
  expect(await rulesBroken(path, text)).toEqual([DEPENDENCIES])
})

test('a package that is in no place of the order is refused', async () => {
  expect(await rulesBroken('packages/attic/src/x.ts', 'export {}')).toEqual(['boundaries/no-unknown-files'])
})

test.each([
  ['a value', 'export const id = process.pid'],
  ['a function', 'setImmediate(() => undefined)'],
  ['a type', 'export type T = NodeJS.Timeout'],
])('the supervisor refuses %s of Node', async (_, text) => {
  const config = (await whole.calculateConfigForFile(join(ROOT, CORE))) as { rules: Record<string, unknown> }
  const rules = Object.fromEntries(
    ['no-restricted-globals', 'no-restricted-syntax'].map((name) => [name, config.rules[name]]),
  )
  const only = new ESLint({ cwd: ROOT, overrideConfigFile: true, baseConfig: [{ ...parser, rules }] as never })
  const [result] = await only.lintText(text, { filePath: join(ROOT, CORE) })
  expect(result?.messages.map(({ message }) => message)).toEqual([expect.stringContaining('Node only')])
})
