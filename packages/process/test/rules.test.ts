import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, jest, test } from '@jest/globals'
import { Level } from 'level'
import { findTagged, openRuntime, type Identity, type Runtime } from '@terrarium/process'
import { Reaper, type ReaperDependencies } from '../src/sweep/reaper.ts'
import { sweepDeadRuns } from '../src/sweep/sweep.ts'
import { processTable } from '../src/table/table.ts'
import { boom, explode, reject, watchUncaught } from '../../../test/support/failures.ts'
import { testUnless, withoutTracing } from '../../../test/support/when.ts'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import {
  decoy,
  familyOf,
  fixture,
  freshState,
  grandchildOf,
  killWithShepherd,
  onEnd,
  open,
  python,
  startHost,
} from './support.ts'

/** Each test guards one rule of the README, and fails when one line of the source breaks that rule. */

/** The batches that are written to any log from now on, in order. */
function watchWrites(): ('synced' | 'unsynced')[] {
  const writes: ('synced' | 'unsynced')[] = []
  type Batch = ReturnType<Level['batch']>
  const { batch } = Level.prototype as unknown as { batch: () => Batch }
  const spy = jest.spyOn(Level.prototype as unknown as { batch: () => Batch }, 'batch')
  spy.mockImplementation(function (this: Level) {
    const made = batch.call(this)
    const write = made.write.bind(made)
    made.write = ((options: { sync?: boolean }) => {
      writes.push(options.sync === true ? 'synced' : 'unsynced')
      return write(options)
    }) as Batch['write']
    return made
  })
  onEnd(() => {
    spy.mockRestore()
  })
  return writes
}

/** Starts a process. Resolves with it, and with the batches that were written when its reservation was on disk. */
async function spawnWatched(runtime: Runtime, writes: readonly string[]) {
  const seen: string[][] = []
  const spawned = await runtime.spawn({
    name: 'sleep',
    command: 'sleep',
    args: ['60'],
    onReserved: () => seen.push([...writes]),
  })
  return { spawned, seen }
}

test('F8: a reservation is on disk before its process is started; additions to it are not awaited', async () => {
  const runtime = await open()
  await runtime.swept
  await runtime.containment()
  const writes = watchWrites()
  const { spawned, seen } = await spawnWatched(runtime, writes)
  expect(seen).toEqual([['synced']])
  await spawned.activate()
  await spawned.kill()
  await spawned.released
  expect(writes.slice(1).length).toBeGreaterThan(0)
  expect(writes.slice(1)).not.toContain('synced')
})

test('F8: a reservation in a log that has to be written again is on disk before its process is started', async () => {
  const stateDir = freshState()
  const runtime = await open(stateDir)
  await runtime.swept
  await runtime.containment()
  rmSync(join(stateDir, 'runs', runtime.runId, 'log'), { recursive: true })
  const { seen } = await spawnWatched(runtime, watchWrites())
  expect(seen).toEqual([['synced']])
})

test.each([
  ['throws', explode, boom],
  ['rejects', reject, expect.objectContaining({ message: 'it must answer at once, not with a promise' })],
])('C1: when onReserved %s, nothing is started, and the reservation is released', async (_, onReserved, reason) => {
  const watch = watchUncaught()
  const runtime = await open()
  await expect(runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'], onReserved })).rejects.toEqual(reason)
  expect(runtime.census()).toEqual([])
  expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  await watch.end()
  expect(watch.uncaught).toEqual([])
})

/** A reaper on a simulated system: `scans` are the results of its scans in order; later scans find nothing. */
function reaping(scans: Identity[][], { orphaned = false, marks = [] as Identity[][] } = {}) {
  const told: string[] = []
  const next = (list: Identity[][]): Identity[] => list.shift() ?? []
  const context: ReaperDependencies = {
    scan() {
      told.push('scan')
      return next(scans)
    },
    scanRlimitTags: (spawns) => (spawns.length === 0 ? [] : next(marks)),
    kill(strays) {
      told.push(`kill ${strays.map(({ pid }) => pid).join()}`)
      return Promise.resolve(strays.map(() => 'killed' as const))
    },
    knows: () => true,
    release(spawn) {
      told.push(`release ${spawn}`)
      return Promise.resolve()
    },
    logger: silent,
    interval: 5,
  }
  const reaper = new Reaper(context)
  reaper.takeOver('1-0', orphaned)
  return { reaper, told }
}

/** What was told before the release. A pass that was due may still come after it. */
const beforeRelease = (told: string[]): string[] => told.slice(0, told.indexOf('release 1-0'))

const stray = (pid: number): Identity => ({
  pid,
  startTicks: pid,
  bootId: 'b',
  installation: 'i',
  run: 'r',
  spawn: '1-0',
})

test('27, F8: a spawn is released after two scans that show nothing of it, not after one', async () => {
  const { reaper, told } = reaping([[]])
  await reaper.finish(5_000)
  expect(beforeRelease(told)).toEqual(['scan', 'scan'])
})

test('F8: a stray that one scan has missed is found by the next, and its spawn is released only after it is gone', async () => {
  const { reaper, told } = reaping([[], [stray(7)], [stray(7)], []])
  await reaper.finish(5_000)
  expect(beforeRelease(told)).toEqual(['scan', 'scan', 'scan', 'kill 7', 'scan', 'scan'])
})

test('F8: a process that only one scan shows is exiting, and is not killed', async () => {
  const { reaper, told } = reaping([[stray(7)], [stray(8)], []])
  await reaper.finish(5_000)
  expect(told.filter((each) => each.startsWith('kill'))).toEqual([])
  expect(told).toContain('release 1-0')
})

test('F8: strays of an orphaned spawn are looked for by their rlimit tag too', async () => {
  const orphaned = reaping([], { orphaned: true, marks: [[stray(9)], [stray(9)]] })
  await orphaned.reaper.finish(5_000)
  expect(orphaned.told).toContain('kill 9')
  const kept = reaping([], { orphaned: false, marks: [[stray(9)], [stray(9)]] })
  await kept.reaper.finish(5_000)
  expect(kept.told).not.toContain('kill 9')
})

/** A run whose host and shepherd are dead, with a survivor. */
async function deadRun(stateDir: string) {
  process.env['TERRARIUM_CONTAINMENT'] = 'shepherd'
  onEnd(() => delete process.env['TERRARIUM_CONTAINMENT'])
  const host = startHost(stateDir, 'hold', 'grandchild setsid')
  const facts = await host.next()
  const survivor = facts.children.map(grandchildOf)[0] ?? 0
  await killWithShepherd(host, facts)
  await eventually('its direct children are gone', () => !facts.children.some(({ pid }) => isAlive(pid)), 2000)
  expect(isAlive(survivor)).toBe(true)
  return { facts, survivor }
}

/** Sweeps as a runtime does, with a kill function of the test. */
const sweep = (
  stateDir: string,
  installation: string,
  kill: (targets: readonly Identity[]) => Promise<'killed'[] | 'unkillable'[]>,
) => sweepDeadRuns({ stateDir, installation, run: 'zzzzzzz', logger: silent, kill, locks: () => Promise.resolve([]) })

test('F8: a survivor that one scan of the sweep has missed is found by the next', async () => {
  const stateDir = freshState()
  const { facts, survivor } = await deadRun(stateDir)
  const scan = jest.spyOn(processTable(), 'scan')
  const scanRlimitTags = jest.spyOn(processTable(), 'scanRlimitTags')
  onEnd(() => {
    jest.restoreAllMocks()
  })
  scan.mockReturnValueOnce([])
  scanRlimitTags.mockReturnValueOnce([])
  const killed: number[] = []
  const report = await sweep(stateDir, facts.installation, (targets) => {
    for (const { pid } of targets) {
      killed.push(pid)
      process.kill(pid, 'SIGKILL')
    }
    return Promise.resolve(targets.map(() => 'killed' as const))
  })
  expect(new Set(killed)).toEqual(new Set([survivor])) // twice if it was still exiting
  expect(report).toMatchObject({ swept: [facts.run], left: [] })
  // Two scans in a row must show nothing, so there is one more.
  expect(scan.mock.calls.length).toBeGreaterThanOrEqual(4)
})

test('F8: a run with an unkillable survivor is kept, with its log, and reported', async () => {
  const stateDir = freshState()
  const { facts, survivor } = await deadRun(stateDir)
  const report = await sweep(stateDir, facts.installation, (targets) =>
    Promise.resolve(targets.map(() => 'unkillable' as const)),
  )
  expect(report).toMatchObject({
    swept: [],
    killed: [],
    left: [{ reason: 'unkillable', run: facts.run, pid: survivor }],
  })
  expect(existsSync(join(stateDir, 'runs', facts.run, 'log'))).toBe(true)
  expect(existsSync(facts.directory)).toBe(true)
  // The next sweep can kill the survivor.
  expect(await (await open(stateDir)).swept).toMatchObject({ swept: [facts.run], left: [] })
  expect(isAlive(survivor)).toBe(false)
})

/** A folder and everything below it, with the permissions of other users. */
function openToOthers(path: string): string[] {
  const mode = statSync(path).mode & 0o077
  const below = statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => openToOthers(join(path, name))) : []
  return [...(mode === 0 ? [] : [`${mode.toString(8)} ${path}`]), ...below]
}

test('F8: whatever the umask is, only this user can enter what a run keeps on disk', async () => {
  const before = process.umask(0)
  onEnd(() => process.umask(before))
  const stateDir = join(freshState(), 'below', 'state')
  const runtime = await open(stateDir)
  await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
  expect(readdirSync(join(stateDir, 'runs'))).toEqual([runtime.runId])
  for (const path of [stateDir, join(stateDir, 'runs'), join(stateDir, 'runs', runtime.runId), runtime.directory]) {
    expect({ path, mode: statSync(path).mode & 0o777 }).toEqual({ path, mode: 0o700 })
  }
  expect(statSync(join(stateDir, 'installation.json')).mode & 0o077).toBe(0)
  // LevelDB chooses the modes of its files, in a folder that no other user can enter.
  expect(openToOthers(stateDir).filter((each) => !each.includes('/log/'))).toEqual([])
})

testUnless(withoutTracing())(
  'F8: SIGKILL goes to the whole group in the end, also when the exit of its leader is not reported',
  async () => {
    const runtime = await open()
    const leader = await runtime.spawn({ name: 'leader', command: 'sh', args: ['-c', 'sleep 60 & echo up; wait'] })
    await once(leader.stdout, 'data')
    expect(familyOf(leader.spawnId)).toHaveLength(2)
    // The tracer never waits for the leader, so the kernel does not report the exit to the parent.
    const tracer = decoy(readFileSync(fixture('trace.py'), 'utf8'), [String(leader.pid)])
    const [said] = (await once(tracer.stdout, 'data')) as [Buffer]
    expect(said.toString().trim()).toBe('traced')
    const [member = 0] = familyOf(leader.spawnId).filter((pid) => pid !== leader.pid)
    void leader.kill()
    await eventually('the other member of the group is gone', () => !isAlive(member))
    expect(await leader.exited).toMatchObject({ unkillable: true })
    tracer.kill('SIGKILL')
    await leader.released
  },
)

test('F8: SIGTERM goes to the process alone, which may end its children in order', async () => {
  const runtime = await open()
  const child = 'trap "echo child; exit" TERM; echo up; while :; do sleep 0.01; done'
  const script = `trap "sleep 0.2; exit 5" TERM; sh -c '${child}' & while :; do sleep 0.01; done`
  const leader = await runtime.spawn({ name: 'leader', command: 'sh', args: ['-c', script] })
  let said = ''
  const ended = once(leader.stdout, 'end')
  leader.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await eventually('it is up', () => said !== '')
  expect(await leader.terminate()).toMatchObject({ code: 5, requested: 'term' })
  await ended
  expect(said).toBe('up\n')
  await leader.released
  expect(familyOf(leader.spawnId)).toEqual([])
})

test('F8: a closed runtime leaves no files and no processes', async () => {
  const stateDir = freshState()
  const runtime = await openRuntime({ python, stateDir, logger: silent })
  await runtime.spawn({ name: 'sh', command: 'sh', args: ['-c', 'setsid sleep 60 & sleep 60'] })
  expect(await runtime.close()).toMatchObject({ unreleased: 0, left: [] })
  expect(findTagged({ installation: runtime.installation })).toEqual([])
  expect([readdirSync(join(stateDir, 'runs')), existsSync(runtime.directory)]).toEqual([[], false])
})
