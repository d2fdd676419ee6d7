import { execFile } from 'node:child_process'
import { expect, test } from '@jest/globals'
import type { Containment } from '@terrarium/process'
import { lastLine, mustEnd } from '../support/command.ts'
import { Random } from '../support/random.ts'
import { testPython } from '../support/terrarium.ts'
import { CONTAINMENTS, testUnless, withoutUnshare } from '../support/when.ts'
import { namespaceOptions } from './namespace.ts'
import { parseRequest, type Lacks } from './request.ts'
import { TARGETS } from './targets.ts'
import { trend } from './trend.ts'

const MAIN = new URL('../dist/chaos/main.js', import.meta.url).href

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const chaos = (...argv: string[]): Promise<Outcome> => chaosBehind([], argv)

/** Options of another command that runs the chaos. */
function chaosBehind(before: readonly string[], argv: readonly string[]): Promise<Outcome> {
  const script = `import { main } from ${JSON.stringify(MAIN)}; process.exitCode = await main(process.argv.slice(1))`
  const [command = '', ...args] = [...before, process.execPath, '--input-type=module', '-e', script, '--', ...argv]
  return new Promise((resolve) => {
    execFile(command, args, { env: { ...process.env, TERRARIUM_PYTHON: testPython() } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** Rounds, and at which levels; `npm run chaos` is the long form. */
const SHORT: readonly [target: string, rounds: number, levels: readonly Containment[]][] = [
  ['kills', 5, CONTAINMENTS],
  ['bursts', 6, CONTAINMENTS],
  ['guards', 3, CONTAINMENTS],
  ['grandchildren', 6, CONTAINMENTS],
  ['reuse', 4, ['cgroup', 'shepherd']],
  ['reaper', 40, ['pidns']],
  ['reservations', 2, ['pidns']],
  ['log', 13, ['shepherd']],
  ['lock', 4, ['pidns']],
  ['leaks', 40, ['pidns']],
  ['resources', 8, ['pidns']],
  ['frozen', 1, ['pidns']],
  ['imports', 5, ['pidns']],
  ['begun', 8, ['pidns']],
]

const notEnclosed =
  namespaceOptions() === undefined ? 'there are no PID namespaces here that the chaos could run in' : undefined
const testEnclosed = testUnless(notEnclosed)
const lacks = notEnclosed === undefined ? await check() : { levels: {}, targets: {} }

async function check(): Promise<Lacks> {
  const { code, stdout, stderr } = await chaos('--check')
  if (code !== 0) throw new Error(`the chaos cannot say what it lacks here: ${stderr}`)
  return JSON.parse(stdout) as Lacks
}

for (const [target, rounds, levels] of SHORT) {
  const { all, parts = {} } = lacks.targets[target] ?? {}
  const available = levels.filter((level) => lacks.levels[level] === undefined)
  const noLevel = available.length === 0 ? 'none of its levels is available here' : undefined
  testUnless(notEnclosed ?? all ?? noLevel)(target, async () => {
    const args = ['--target', target, '--rounds', String(rounds), '--level', available.join()]
    const ran = await chaos(...args)
    mustEnd(ran, 0, /^rounds \d+ {2}orphans 0 {2}innocents 0 {2}lost 0 {2}duplicates 0 {2}faults 0/)
    expect(Number(lastLine(ran.stdout).split(' ')[1])).toBeGreaterThanOrEqual(rounds)
  })
  // What this machine lacks is a skipped test of its own.
  if (notEnclosed !== undefined) continue
  for (const level of levels) {
    const reason = lacks.levels[level]
    if (reason !== undefined) testUnless(reason)(`${target} at level ${level}`, () => undefined)
  }
  for (const [part, reason] of Object.entries(parts)) testUnless(reason)(`${target}: ${part}`, () => undefined)
}

test('every target has its short form', () => {
  const names = TARGETS.filter(({ onlyOnDemand }) => onlyOnDemand !== true).map(({ name }) => name)
  expect(names).toEqual(SHORT.map(([name]) => name))
})

test('bad arguments are refused, and the error lists the targets', async () => {
  expect(parseRequest(['--target', 'cats'])).toBe('there is no target cats')
  expect(parseRequest(['--level', 'pidns,moat'])).toBe('there is no level moat')
  expect(parseRequest(['--rounds', 'many'])).toBe('--rounds must be a whole number, not many')
  expect(parseRequest(['--rounds', '0'])).toBe('--rounds must be at least 1')
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

testEnclosed('F3: what goes wrong is counted, told of in the last line, and ends with 1', async () => {
  const ran = await chaos('--target', 'self-test', '--rounds', '3')
  mustEnd(ran, 1, 'rounds 2  orphans 2  innocents 2  lost 0  duplicates 0  faults 1')
  expect(ran.stdout).toContain('npm run chaos -- --seed 1 --target self-test')
})

/** Options of `unshare` for a mount namespace in which all control groups are read-only. */
const READ_ONLY_CGROUPS = [
  ...['-m', 'sh', '-ec'],
  'for at in $(sed -n "s/^\\S* \\S* \\S* \\S* \\(\\S*\\) .* - cgroup2 .*/\\1/p" /proc/self/mountinfo); do mount -o remount,bind,ro "$at"; done; exec "$@"',
]

const proofs = 'F2: a level that was named and is missing, and a target of which nothing was tried, are faults'
testUnless(notEnclosed ?? withoutUnshare(...READ_ONLY_CGROUPS))(proofs, async () => {
  const run = (...argv: string[]) => chaosBehind(['unshare', ...READ_ONLY_CGROUPS, 'sh'], argv)
  const missing = await run('--target', 'self-test', '--only', '0', '--level', 'cgroup,shepherd')
  mustEnd(missing, 1, 'rounds 1  orphans 1  innocents 1  lost 0  duplicates 0  faults 1')
  const nothing = await run('--target', 'kills', '--level', 'cgroup')
  mustEnd(nothing, 1, 'rounds 0  orphans 0  innocents 0  lost 0  duplicates 0  faults 2')
  expect(nothing.stdout).toContain('kills: nothing was tried, which proves nothing: no level is available')
})

test('growth in every cycle is found', () => {
  const random = new Random(1, 0)
  const samples = Array.from({ length: 50 }, (_, index) => {
    const cycles = index * 20
    return { cycles, value: 50_000_000 + cycles * 3_000 + random.next() * 1_000_000 }
  })
  const { slope, error } = trend(samples)
  expect(Math.abs(slope - 3_000)).toBeLessThan(3 * error)
  expect(slope).toBeGreaterThan(500 + 3 * error)
})
