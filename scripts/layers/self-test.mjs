import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { check, FLOORS } from './check.mjs'

// A small checkout that is in order, and one change a case that must be found.

const manifest = (dependencies) =>
  JSON.stringify({ dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])) })

const IN_ORDER = {
  'tsconfig.json': JSON.stringify({
    references: [...FLOORS.map((name) => ({ path: `packages/${name}` })), { path: 'test' }],
  }),
  ...Object.fromEntries(FLOORS.map((name) => [`packages/${name}/tsconfig.json`, '{}'])),
  ...Object.fromEntries(FLOORS.map((name) => [`packages/${name}/package.json`, manifest([])])),
  ...Object.fromEntries(FLOORS.map((name) => [`packages/${name}/src/index.ts`, 'export {}'])),
  'packages/supervisor/src/index.ts': "export * from './clock.ts'",
  'packages/supervisor/src/clock.ts':
    "export const process = { Buffer: 1 } // require('node:fs')\nexport const view = { global: process.Buffer }",
  'packages/supervisor/test/clock.test.ts':
    "import fs from 'node:fs'\nimport '../src/clock.ts'\nfs.existsSync(String(globalThis))",
  'packages/supervisor/package.json': JSON.stringify({ exports: { '.': {}, './testing': {} } }),
  'packages/pool/package.json': manifest(['@terrarium/process', 'pino']),
  'packages/pool/src/index.ts':
    "import '@terrarium/process'\nimport type { Logger } from 'pino'\nimport 'node:fs'\nexport type { Logger }",
  'test/tsconfig.json': '{}',
  'test/whole.test.ts': "import '@terrarium/pool'\nimport '@terrarium/supervisor/testing'\nimport './support.ts'",
}

/** @type {[what: string, changes: Record<string, string>, finding: RegExp][]} */
const CASES = [
  [
    'an import upward',
    { 'packages/worker/src/index.ts': "import '@terrarium/pool'" },
    /worker\/src\/index\.ts:1: @terrarium\/pool is not below worker/,
  ],
  [
    'a dynamic import upward',
    { 'packages/process/src/x.ts': "\nawait import('@terrarium/cli')" },
    /x\.ts:2: @terrarium\/cli is not below process/,
  ],
  [
    'an import of a type upward',
    { 'packages/process/src/x.ts': "import type { A } from '@terrarium/worker'" },
    /@terrarium\/worker is not below process/,
  ],
  [
    'a re-export upward',
    { 'packages/supervisor/src/x.ts': "export * from '@terrarium/process'" },
    /@terrarium\/process is not below supervisor/,
  ],
  [
    'a dependency upward',
    { 'packages/process/package.json': manifest(['@terrarium/cli']), 'packages/process/src/x.ts': '' },
    /process\/package\.json: @terrarium\/cli is not below process/,
  ],
  [
    'an import past a door by name',
    { 'test/x.ts': "import '@terrarium/pool/src/queue.ts'" },
    /test\/x\.ts:1: .* goes past the door of @terrarium\/pool/,
  ],
  [
    'an import by a door that is not there',
    { 'test/x.ts': "import '@terrarium/pool/testing'" },
    /test\/x\.ts:1: .* goes past the door of @terrarium\/pool/,
  ],
  [
    'an import past a door by path',
    { 'packages/cli/test/x.ts': "import '../../pool/src/index.ts'" },
    /goes past the door of packages\/pool/,
  ],
  [
    'an import past a door by path from outside',
    { 'examples/a/src/x.ts': "import '../../../packages/pool/src/index.ts'" },
    /goes past the door of packages\/pool/,
  ],
  [
    'an import out of a package',
    { 'packages/pool/src/x.ts': "import '../../../test/support.ts'" },
    /leaves packages\/pool/,
  ],
  [
    'an import that is not declared',
    { 'packages/cli/src/x.ts': "import 'level'" },
    /level is not a dependency in packages\/cli/,
  ],
  [
    'a dependency that nothing imports',
    { 'packages/cli/package.json': manifest(['level']) },
    /no source imports level/,
  ],
  [
    'a Node module in the supervisor',
    { 'packages/supervisor/src/x.ts': "import 'node:timers'" },
    /node:timers exists in Node only/,
  ],
  [
    'a Node module without its prefix',
    { 'packages/supervisor/src/x.ts': "import 'fs/promises'" },
    /fs\/promises exists in Node only/,
  ],
  [
    'a Node global in the supervisor',
    { 'packages/supervisor/src/x.ts': 'export const id = process.pid' },
    /x\.ts:1: process exists in Node only/,
  ],
  [
    'a Node type in the supervisor',
    { 'packages/supervisor/src/x.ts': 'export type T = NodeJS.Timeout' },
    /NodeJS exists in Node only/,
  ],
  [
    "Node's types in the supervisor",
    { 'packages/supervisor/tsconfig.json': '{"compilerOptions":{"types":["node"]}}' },
    /types of Node/,
  ],
  ['a package without a floor', { 'packages/attic/src/x.ts': '' }, /packages\/attic has no floor/],
  ['a project that nothing builds', { 'examples/a/tsconfig.json': '{}' }, /no reference to examples\/a/],
]

/** @returns {number} exit code */
export function selfTest() {
  const wrong = []
  const clean = findings({})
  if (clean.length > 0) wrong.push(`a checkout in order: ${clean.join('; ')}`)
  for (const [what, changes, expected] of CASES) {
    const found = findings(changes)
    if (!found.some((finding) => expected.test(finding)))
      wrong.push(`${what}: not found, only: ${found.join('; ') || 'nothing'}`)
  }
  for (const line of wrong) process.stdout.write(`self-test of the layer check: ${line}\n`)
  if (wrong.length === 0) process.stdout.write(`The layer check finds all ${CASES.length} faults of its self-test\n`)
  return wrong.length === 0 ? 0 : 1
}

function findings(changes) {
  const base = mkdtempSync(join(tmpdir(), 'terrarium-layers-'))
  try {
    for (const [path, content] of Object.entries({ ...IN_ORDER, ...changes })) {
      mkdirSync(dirname(join(base, path)), { recursive: true })
      writeFileSync(join(base, path), content)
    }
    return check(base)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}
