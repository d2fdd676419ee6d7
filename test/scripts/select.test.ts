import { expect, test } from '@jest/globals'
import { needOf, select } from '../../scripts/test/select.mjs'
import { suites } from '../../scripts/test/suites.mjs'

const chosen = (...words: string[]): Record<string, string[]> => Object.fromEntries(select(words, suites))

const PAGE = { format: [], prose: [], integration: ['test/docs/pages.test.ts', 'test/integration/readme.test.ts'] }

test.each<[string, Record<string, string[]>]>([
  ['pool', { pool: [] }],
  ['packages/pool', { pool: [] }],
  ['packages/pool/test/calls.test.ts', { pool: ['packages/pool/test/calls.test.ts'] }],
  ['packages/worker/src/boot-report.ts', { worker: [] }],
  ['packages/worker/src/values/codec.ts', { worker: ['packages/worker/test/codec.test.ts'] }],
  ['packages/supervisor/src/policy/backoff.ts', { supervisor: ['packages/supervisor/test/backoff.test.ts'] }],
  ['examples/analyse/src/files.ts', { examples: ['examples/analyse/test/files.test.ts'] }],
  ['python/tests/test_boot.py', { pytest: ['tests/test_boot.py'], 'pytest-oldest': ['tests/test_boot.py'] }],
  ['python/src/terrarium', { mypy: [], pytest: [], 'pytest-oldest': [] }],
  ['python/src/terrarium_shepherd/shepherd.py', { mypy: [], pytest: [], 'pytest-oldest': [], process: [] }],
  ['proto/terrarium/v1/session.proto', { buf: [], stubs: [], worker: [], pytest: [], 'pytest-oldest': [] }],
  ['docs', PAGE],
  ['docs/glossary.md', PAGE],
  ['docs/decisions/begun-or-not.md', PAGE],
  ['README.md', PAGE],
  ['packages/pool/README.md', { ...PAGE, pool: ['packages/pool/test/tables.test.ts'] }],
  [
    'docs/supervisor/options.md',
    { ...PAGE, supervisor: ['packages/supervisor/test/readme.test.ts', 'packages/supervisor/test/tables.test.ts'] },
  ],
  [
    'docs/process',
    { ...PAGE, process: ['packages/process/test/readme.test.ts', 'packages/process/test/tables.test.ts'] },
  ],
  ['test/chaos/host.ts', { chaos: [] }],
  ['test/chaos', { chaos: ['test/chaos/chaos.test.ts'] }],
  ['test/integration/hosts.test.ts', { integration: ['test/integration/hosts.test.ts'] }],
  ['test', { integration: [] }],
])('the tests that belong to %s', (word, expected) => {
  expect(chosen(word)).toEqual(expected)
})

test('a folder of sources has the tests that are named for its files', () => {
  const { supervisor } = chosen('packages/supervisor/src/policy')
  expect(supervisor).toEqual(
    expect.arrayContaining(['backoff', 'breaker'].map((name) => `packages/supervisor/test/${name}.test.ts`)),
  )
  expect(supervisor).not.toContain('packages/supervisor/test/decide.property.test.ts')
})

test('several words are added up, and all of a suite contains its parts', () => {
  expect(chosen('packages/pool/test/calls.test.ts', 'packages/pool/test/rules.test.ts', 'buf')).toEqual({
    pool: ['packages/pool/test/calls.test.ts', 'packages/pool/test/rules.test.ts'],
    buf: [],
  })
  expect(chosen('packages/pool/test/calls.test.ts', 'pool')).toEqual({ pool: [] })
})

test('each folder of the checkout belongs to some suite', () => {
  for (const folder of ['packages', 'examples', 'test', 'scripts', 'docs', 'proto', 'python']) {
    expect([folder, Object.keys(chosen(folder)).length]).toEqual([folder, expect.any(Number)])
    expect(Object.keys(chosen(folder)).length).toBeGreaterThan(0)
  }
})

test.each([
  [['check'], 'test'],
  [['types', 'eslint'], 'test'],
  [['check', 'pytest-oldest'], 'everything'],
  [['tools'], 'everything'],
  [['pool'], 'test'],
  [['packages/pool/test/calls.test.ts'], 'test'],
])('the set-up for %j is %s', (words, need) => {
  const names = Object.keys(chosen(...words))
  expect(needOf(suites.filter(({ name }) => names.includes(name)))).toBe(need)
})

test('a word that means nothing is refused with what there is', () => {
  expect(() => chosen('polo')).toThrow(/polo.*There are: .*pool/)
})
