import { spawn } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { processors } from '../src/pacing/processors.ts'
import { StartBudget, startBudget, type Turn } from '../src/pacing/start-budget.ts'
import type { Activity } from '../src/table/process-table.ts'
import { procfs } from '../src/table/procfs.ts'

const BUSY: Activity = { cpu: 0, isRunning: true, waited: 0 }
const ASLEEP: Activity = { cpu: 0, isRunning: false, waited: 0 }

/** A budget of two processors on a virtual clock. The test says by pid what each process does. */
function budget() {
  const clock = new VirtualClock()
  const doing = new Map<number, Activity>()
  const made = new StartBudget({ processors: 2, clock, activity: (pid) => doing.get(pid) })
  const begun: { name: string; turn: Turn }[] = []
  let pids = 0
  const ask = (name: string, owner: object, activity: Activity, signal?: AbortSignal) =>
    made.turn(owner, signal).then((turn) => {
      pids += 1
      doing.set(pids, activity)
      turn.started(pids)
      begun.push({ name, turn })
      return pids
    })
  const names = async (ms = 0): Promise<string[]> => {
    await clock.advance(ms)
    return begun.map(({ name }) => name)
  }
  return { clock, doing, made, begun, ask, names }
}

test('D6: only as many busy starts run as there are processors, and the next begins when one is over', async () => {
  const { ask, names, begun, doing, clock } = budget()
  const owner = {}
  const heavy = { ...BUSY, cpu: 2_000 }
  for (const name of 'abcdefghijk') void ask(name, owner, heavy)
  const first = 'abcdefgh'.split('')
  // Nothing is known of the first starts: each counts as a quarter of a processor for half a second.
  expect(await names()).toEqual(first)
  // By now each start is known to need a processor. Eight share two, so no other start begins.
  expect(await names(20_000)).toEqual(first)
  const over = (name: string): void => begun.find((each) => each.name === name)?.turn.finished()
  for (const name of 'abcdef') over(name)
  expect(await names(1_000)).toEqual(first)
  over('g')
  over('g') // twice is once
  expect(await names(1_000)).toEqual([...first, 'i'])
  over('h')
  expect(await names(1_000)).toEqual([...first, 'i', 'j'])
  over('i')
  expect(await names(1_000)).toEqual([...first, 'i', 'j', 'k'])
  expect([doing.size, clock.pending]).toEqual([11, 0]) // while nothing waits, nothing is looked at
})

test('C6: starts that wait share the listener of their signal, which goes with the last of them', async () => {
  const { ask, names, made } = budget()
  const { signal } = new AbortController()
  const owner = {}
  const wait = (): Promise<number> => ask('', owner, { ...BUSY, cpu: 2_000 }, signal)
  await Promise.all(Array.from({ length: 8 }, wait)) // as many as begin at once
  expect(await names()).toHaveLength(8)
  expect(getEventListeners(signal, 'abort')).toEqual([]) // their turn has come
  const refused = Array.from({ length: 20 }, () => expect(wait()).rejects.toMatchObject({ code: 'STOPPED' }))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  made.dismiss(owner)
  await Promise.all(refused)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('D6: once one start has needed little, many begin at once', async () => {
  const { ask, names, begun } = budget()
  const owner = {}
  for (let index = 0; index < 20; index += 1) void ask(String(index), owner, { ...BUSY, cpu: 250 })
  expect(await names()).toHaveLength(8)
  begun[0]?.turn.finished()
  expect(await names()).toHaveLength(17) // 16 times an eighth of a processor are under way
})

test('D6: a start that sleeps, or takes for ever, does not hold the others up for ever', async () => {
  const { ask, names, clock } = budget()
  const owner = {}
  for (let index = 0; index < 16; index += 1) void ask(`asleep ${index}`, owner, ASLEEP)
  expect(await names()).toHaveLength(8)
  expect(await names(1_000)).toHaveLength(16)

  const other = budget()
  for (let index = 0; index < 9; index += 1) void other.ask(`endless ${index}`, owner, { ...BUSY, cpu: 5_000 })
  expect(await other.names(29_000)).toHaveLength(8)
  expect(await other.names(2_000)).toHaveLength(9)

  // On a system that does not show what processes do.
  const blind = budget()
  for (let index = 0; index < 9; index += 1) void blind.ask(`unknown ${index}`, owner, BUSY)
  await blind.names()
  blind.doing.clear()
  expect(await blind.names(4_000)).toHaveLength(8)
  expect(await blind.names(2_000)).toHaveLength(9)
  expect(clock.pending).toBe(0)
})

test('D6: a start that sleeps and then works weighs again', async () => {
  const { ask, names, doing } = budget()
  const owner = {}
  for (const name of ['a', 'b', 'c', 'd', 'e']) void ask(name, owner, ASLEEP)
  expect(await names(500)).toHaveLength(5)
  for (const pid of [1, 2, 3, 4, 5]) doing.set(pid, { ...BUSY, cpu: 1_000 })
  // As many starts begin as the last look allows, and none after the next look.
  for (let index = 0; index < 10; index += 1) void ask(`later ${index}`, owner, BUSY)
  expect(await names()).toHaveLength(8)
  expect(await names(5_000)).toHaveLength(8)
})

test('D6: runtimes take turns, so that a large pool does not keep a small one waiting', async () => {
  const { ask, names, begun } = budget()
  const large = {}
  const small = {}
  for (let index = 0; index < 20; index += 1) void ask(`large ${index}`, large, { ...BUSY, cpu: 2_000 })
  void ask('small 0', small, { ...BUSY, cpu: 2_000 })
  void ask('small 1', small, { ...BUSY, cpu: 2_000 })
  await names(1_000)
  for (const { turn } of begun.slice(0, 8)) turn.finished()
  expect((await names()).slice(8)).toEqual(['large 8', 'small 0', 'large 9'])
})

test('D6: a start that waits for its turn is given up at once', async () => {
  const { ask, names, made, clock } = budget()
  const controller = new AbortController()
  const owner = {}
  for (const name of 'abcdefgh') void ask(name, owner, { ...BUSY, cpu: 2_000 })
  const waiting = ask('waits', owner, BUSY, controller.signal)
  const dismissed = ask('dismissed', owner, BUSY)
  const stays = ask('stays', {}, BUSY)
  controller.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPED' })
  await expect(ask('late', owner, BUSY, controller.signal)).rejects.toMatchObject({ code: 'STOPPED' })
  made.dismiss(owner)
  await expect(dismissed).rejects.toMatchObject({ code: 'STOPPED' })
  expect(await names(31_000)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'stays'])
  await stays
  expect(clock.pending).toBe(0)
})

test('D6: there is one budget in a process, for all copies of this package', () => {
  const budget = startBudget()
  expect((globalThis as Record<symbol, unknown>)[Symbol.for('terrarium.startBudget.2')]).toBe(budget)
  expect(startBudget()).toBe(budget)
})

test('D6: the system tells what a process and its descendants do', async () => {
  // The parent sleeps, its child works.
  const burn = 'for (const end = Date.now() + 20000; Date.now() < end; );'
  const parent = spawn(
    process.execPath,
    [
      '-e',
      `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(burn)}], { stdio: 'inherit' })`,
    ],
    { detached: true },
  )
  try {
    const pid = parent.pid ?? 0
    let seen: Activity | undefined
    for (let tries = 0; (seen?.cpu ?? 0) < 600 && tries < 1_000; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      seen = procfs.activity(pid)
    }
    expect(seen?.cpu).toBeGreaterThanOrEqual(600)
    expect(seen?.waited).toBeGreaterThanOrEqual(0)
  } finally {
    // The whole group: the child would work on for its 20 s.
    process.kill(-(parent.pid ?? NaN), 'SIGKILL')
  }
  expect(procfs.activity(2 ** 22 + 1)).toBeUndefined()
})

test.each([
  ['no limit', { 'cpu.max': 'max 100000' }, undefined],
  ['one and a half processors', { 'cpu.max': '150000 100000' }, 2],
  ['a tenth of one', { 'cpu.max': '10000 100000' }, 1],
  ['a limit of the group above', { '../cpu.max': '100000 100000', 'cpu.max': 'max 100000' }, 1],
])('D6: a quota of the control group counts: %s', (_, files, expected) => {
  const mounts = mkdtempSync(join(tmpdir(), 'terrarium-cgroup-'))
  try {
    mkdirSync(join(mounts, 'outer', 'inner'), { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(mounts, 'outer', 'inner', name), `${text}\n`)
    const groups = join(mounts, 'groups')
    writeFileSync(groups, '1:name=systemd:/\n0::/outer/inner\n')
    expect(processors(groups, mounts)).toBe(Math.min(expected ?? Infinity, availableParallelism()))
  } finally {
    rmSync(mounts, { recursive: true })
  }
})

test('D6: a quota of the first version of control groups counts too', () => {
  const mounts = mkdtempSync(join(tmpdir(), 'terrarium-cgroup-'))
  try {
    mkdirSync(join(mounts, 'cpu,cpuacct', 'outer'), { recursive: true })
    writeFileSync(join(mounts, 'cpu,cpuacct', 'outer', 'cpu.cfs_quota_us'), '50000\n')
    writeFileSync(join(mounts, 'cpu,cpuacct', 'outer', 'cpu.cfs_period_us'), '100000\n')
    const groups = join(mounts, 'groups')
    writeFileSync(groups, '3:cpu,cpuacct:/outer\n')
    expect(processors(groups, mounts)).toBe(1)
    writeFileSync(join(mounts, 'cpu,cpuacct', 'outer', 'cpu.cfs_quota_us'), '-1\n')
    expect(processors(groups, mounts)).toBe(availableParallelism())
  } finally {
    rmSync(mounts, { recursive: true })
  }
})
