import { execFile } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { Random } from '../support/random.ts'
import { testPython } from '../support/terrarium.ts'
import { namespaceOptions } from './namespace.ts'
import { parseRequest } from './request.ts'
import { TARGETS } from './targets.ts'
import { trend } from './trend.ts'

const MAIN = new URL('../dist/chaos/main.js', import.meta.url).href

function chaos(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = `import { main } from ${JSON.stringify(MAIN)}; process.exitCode = await main(process.argv.slice(1))`
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '-e', script, '--', ...argv],
      { env: { ...process.env, TERRARIUM_PYTHON: testPython() } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      },
    )
  })
}

const canBeEnclosed = namespaceOptions() !== undefined
if (!canBeEnclosed) console.warn('skipped: the chaos, for there are no PID namespaces here that it could run in')
const testEnclosed = canBeEnclosed ? test : test.skip

/** Rounds, and at which levels; `npm run chaos` is the long form. */
const SHORT: [string, number, string][] = [
  ['kills', 5, 'pidns,cgroup,shepherd'],
  ['bursts', 6, 'pidns,cgroup,shepherd'],
  ['guards', 3, 'pidns,cgroup,shepherd'],
  ['grandchildren', 6, 'pidns,cgroup,shepherd'],
  ['reuse', 4, 'cgroup,shepherd'],
  ['reaper', 40, 'pidns'],
  ['reservations', 2, 'pidns'],
  ['log', 13, 'shepherd'],
  ['lock', 4, 'pidns'],
  ['leaks', 40, 'pidns'],
  ['resources', 8, 'pidns'],
  ['frozen', 1, 'pidns'],
  ['imports', 5, 'pidns'],
]

testEnclosed.each(SHORT)('%s', async (target, rounds, levels) => {
  const { code, stdout, stderr } = await chaos('--target', target, '--rounds', String(rounds), '--level', levels)
  for (const line of stdout.split('\n')) if (line.includes('skipped: ')) console.warn(line.trim())
  const last = stdout.trimEnd().split('\n').at(-1)
  expect({ code, last, stdout, stderr }).toMatchObject({
    code: 0,
    last: expect.stringMatching(/^rounds \d+ {2}orphans 0 {2}innocents 0 {2}lost 0 {2}duplicates 0$/),
  })
  if (!stdout.includes('skipped: ')) expect(Number(last?.split(' ')[1])).toBeGreaterThanOrEqual(rounds)
})

test('every target has its short form', () => {
  const names = TARGETS.filter(({ onlyOnDemand }) => onlyOnDemand !== true).map(({ name }) => name)
  expect(names).toEqual(SHORT.map(([name]) => name))
})

test('bad arguments are refused with what there is', async () => {
  expect(parseRequest(['--target', 'cats'])).toBe('there is no target cats')
  expect(parseRequest(['--level', 'pidns,moat'])).toBe('there is no level moat')
  expect(parseRequest(['--rounds', 'many'])).toBe('--rounds must be a whole number, not many')
  expect(parseRequest(['--rounds', '7', '--seed', '3', '--level', 'shepherd'])).toMatchObject({
    rounds: 7,
    seed: 3,
    levels: ['shepherd'],
  })
  expect(await chaos('--frob')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('usage: npm run chaos'),
  })
})

testEnclosed('what goes wrong is counted, told of, and ends with 1', async () => {
  const { code, stdout } = await chaos('--target', 'self-test', '--rounds', '2')
  expect(code).toBe(1)
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('rounds 2  orphans 2  innocents 2  lost 0  duplicates 0')
  expect(stdout).toContain('npm run chaos -- --seed 1 --target self-test')
})

test('what grows in every cycle is seen as that', () => {
  const random = new Random(1, 0)
  const samples = Array.from({ length: 50 }, (_, index) => {
    const cycles = index * 20
    return { cycles, value: 50_000_000 + cycles * 3_000 + random.next() * 1_000_000 }
  })
  const { slope, error } = trend(samples)
  expect(Math.abs(slope - 3_000)).toBeLessThan(3 * error)
  expect(slope).toBeGreaterThan(500 + 3 * error)
})
