import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { findTagged, type Identity, type SweepResult } from '@terrarium/process'
import { sweepDeadRuns } from '../src/sweep/sweep.ts'
import { rlimitTagOf } from '../src/table/rlimit-tag.ts'
import { testUnless, withoutChosenNumbers } from '../../../test/support/when.ts'
import { recordingLogger, silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import {
  decoy,
  ended,
  fixture,
  freshState,
  grandchildOf,
  hostArguments,
  killWithShepherd,
  onEnd,
  open,
  python,
  start,
  startHost,
  watchHost,
  type HostFacts,
} from './support.ts'

// Better containment leaves nothing to be swept.
process.env['TERRARIUM_CONTAINMENT'] = 'shepherd'

const noRuns = (stateDir: string) => readdirSync(join(stateDir, 'runs'))

/**
 * A host with the given children, killed with its shepherd. The children have exited; processes that they have started
 * in other sessions live.
 */
async function deadRun(stateDir: string, ...modes: string[]): Promise<HostFacts & { grandchildren: number[] }> {
  const host = startHost(stateDir, 'hold', ...modes)
  const facts = await host.next()
  const grandchildren = facts.children.filter((_, index) => modes[index]?.startsWith('grandchild')).map(grandchildOf)
  await killWithShepherd(host, facts)
  await eventually('its direct children are gone', () => !facts.children.some(({ pid }) => isAlive(pid)), 2000)
  return { ...facts, grandchildren }
}

test('the sweep kills exactly what a dead run has left, and removes its folders', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid', 'idle', 'grandchild setsid')
  const [first = 0, third = 0] = facts.grandchildren
  expect([first, third].map(isAlive)).toEqual([true, true])
  expect(existsSync(facts.directory)).toBe(true)

  const { lines, logger } = recordingLogger('debug')
  const runtime = await open(stateDir, logger)
  const report = await runtime.swept
  expect(report).toMatchObject({ swept: [facts.run], dropped: [], left: [] })
  expect(report.killed.map(({ pid }) => pid).sort()).toEqual([first, third].sort())
  expect([first, third].some(isAlive)).toBe(false)
  expect(existsSync(facts.directory)).toBe(false)
  expect(noRuns(stateDir)).toEqual([runtime.runId])
  // 20 is debug: a normal sweep logs nothing above it.
  const said = lines.map((line) => JSON.parse(line) as { level: number; msg: string })
  expect(said.filter(({ level }) => level > 20).map(({ msg }) => msg)).toEqual(['processes are contained'])
})

test('D4: a missing temporary folder does not stop the sweep', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const host = watchHost(
    spawn(process.execPath, hostArguments(stateDir, 'sweep'), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: join(stateDir, 'nowhere') },
    }),
  )
  const { swept } = await host.next()
  expect(swept).toMatchObject({ swept: [facts.run], killed: facts.grandchildren.map((pid) => ({ pid })), left: [] })
})

test('21: the sweep touches no decoy', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const [{ spawn: spawnId } = { spawn: '' }] = facts.children
  const nap = 'import time; time.sleep(60)'
  const decoys = [
    decoy(nap, ['--terrarium-run', facts.run, '--terrarium-spawn', spawnId]),
    decoy(`import os; os.execvp("tail", ["tail", "-f", "run-${facts.run}.log", "/dev/null"])`),
    decoy(nap),
    decoy(nap, [], { TERRARIUM_SPAWN: `0123456789abcdef:${facts.run}:${spawnId}` }),
    decoy(nap, [], { NOT_TERRARIUM_SPAWN: `${facts.installation}:${facts.run}:${spawnId}` }),
    decoy(nap, [], { TERRARIUM_SPAWN: `${facts.installation}:${facts.run}:${spawnId}:more` }),
  ]
  await eventually('the decoys run', () => decoys.every(({ pid }) => pid !== undefined && isAlive(pid)))
  const report = await (await open(stateDir)).swept
  expect(report.killed.map(({ pid }) => pid)).toEqual(facts.grandchildren)
  expect(decoys.map(({ pid }) => isAlive(pid ?? 0))).toEqual(decoys.map(() => true))
})

test('the sweep finds a process without environment by its rlimit tag, and none with another tag', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid cleared')
  const [{ spawn } = { spawn: '1-0' }] = facts.children
  const limited = (mark: bigint) =>
    decoy(
      `import os, resource; resource.setrlimit(resource.RLIMIT_RTTIME, (${mark}, ${mark})); print("up", flush=True); os.execve("/bin/sleep", ["sleep", "60"], {})`,
    )
  const decoys = [limited(BigInt(rlimitTagOf(spawn)) ^ 1n), limited(BigInt(spawn.length))]
  await Promise.all(decoys.map(({ stdout }) => once(stdout, 'data')))
  const report = await (await open(stateDir)).swept
  expect(report).toMatchObject({ swept: [facts.run], left: [] })
  expect(report.killed.map(({ pid }) => pid)).toEqual(facts.grandchildren)
  expect(facts.grandchildren.some(isAlive)).toBe(false)
  expect(decoys.map(({ pid }) => isAlive(pid ?? 0))).toEqual([true, true])
})

test('22: a process with the spawn tag of an unknown run is reported, not killed', async () => {
  const stateDir = freshState()
  const { installation } = await open(stateDir)
  const stranger = decoy('import time; print("up", flush=True); time.sleep(60)', [], {
    TERRARIUM_SPAWN: `${installation}:abcdefg:1-0123456789abcdef`,
  })
  await once(stranger.stdout, 'data')
  const { lines, logger } = recordingLogger('warn')
  const report = await (await open(stateDir, logger)).swept
  expect(report).toMatchObject({ killed: [], left: [{ reason: 'unknown_run', run: 'abcdefg', pid: stranger.pid }] })
  expect(lines.join('')).toContain('unknown_run')
  expect(isAlive(stranger.pid ?? 0)).toBe(true)
  stranger.kill('SIGKILL')
  await ended(stranger)
})

test('clean-ups of new runs never touch the workers of a live one, current or restarting', async () => {
  const stateDir = freshState()
  const host = startHost(stateDir, 'restart')
  const { run } = await host.next()
  for (let n = 0; n < 5; n++) {
    const runtime = await open(stateDir)
    expect(await runtime.swept).toEqual({ swept: [], killed: [], dropped: [], left: [] })
    expect(await runtime.sweep()).toEqual({ swept: [], killed: [], dropped: [], left: [] })
    await runtime.close()
    expect(noRuns(stateDir)).toEqual([run])
  }
  host.child.stdin?.write('stop\n')
  const { restarts, wrong, closed } = await host.next()
  expect(wrong).toEqual([])
  expect(restarts).toBeGreaterThan(0)
  expect(closed).toMatchObject({ killed: 3, unreleased: 0, left: [] })
})

test('30, 34: a sweep that hangs holds up no start, and is given up after its time', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const [pid = 0] = facts.grandchildren
  // An interpreter that runs everything but the sweep helper, for which it sleeps.
  const hanging = join(freshState(), 'python')
  const sleeps = 'case "$*" in *sweep.py*) exec sleep 60;; esac'
  writeFileSync(hanging, `#!/bin/sh\n${sleeps}\nexec "${python}" "$@"\n`, { mode: 0o755 })
  const runtime = await open(stateDir, silent, { python: hanging })
  let isSwept = false
  const swept = runtime.swept.finally(() => (isSwept = true))
  const { process: started } = await start(runtime, 'idle')
  expect([isAlive(started.pid), isSwept]).toEqual([true, false])
  expect(await swept).toMatchObject({ swept: [], killed: [], left: [{ run: facts.run }] })
  expect([isAlive(pid), existsSync(join(stateDir, 'runs', facts.run))]).toEqual([true, true])
  await started.kill()
  await runtime.close()
  expect(await (await open(stateDir)).swept).toMatchObject({ swept: [facts.run], killed: [{ pid }], left: [] })
})

test('two runtimes that sweep at once share the work', async () => {
  const stateDir = freshState()
  const facts = await Promise.all([1, 2, 3].map(() => deadRun(stateDir, 'grandchild setsid')))
  const sweepers = [1, 2].map(() => startHost(stateDir, 'sweep'))
  const here = await open(stateDir)
  const reports = [await here.swept, ...(await Promise.all(sweepers.map(async (each) => (await each.next())['swept'])))]
  await Promise.all(sweepers.map(({ child }) => ended(child)))
  const left = (reports as SweepResult[]).flatMap((report) => report.left)
  expect(left).toEqual([])
  expect(facts.flatMap(({ grandchildren }) => grandchildren).some(isAlive)).toBe(false)
  // A sweep leaves a run whose log is being read to the sweep that reads it. So nothing stays.
  expect(noRuns(stateDir)).toEqual([here.runId])
})

test('a run of another boot is released, and nothing is killed', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const [pid = 0] = facts.grandchildren
  changeOwner(stateDir, facts.run, { bootId: 'another-boot' })
  expect(await (await open(stateDir)).swept).toMatchObject({ swept: [facts.run], killed: [] })
  expect(isAlive(pid)).toBe(true)
  process.kill(pid, 'SIGKILL')
  await eventually('the grandchild is gone', () => !isAlive(pid))
})

test.each([
  ['other_user', { uid: 54321 }],
  ['unreadable_owner', { v: 2 }],
])('a run is left alone and reported: %s', async (reason, change) => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const [pid = 0] = facts.grandchildren
  changeOwner(stateDir, facts.run, change)
  const report = await (await open(stateDir)).swept
  expect(report).toMatchObject({ swept: [], killed: [], left: [{ reason, run: facts.run }] })
  expect(isAlive(pid)).toBe(true)
  expect(existsSync(facts.directory)).toBe(true)
  process.kill(pid, 'SIGKILL')
  await eventually('the grandchild is gone', () => !isAlive(pid))
})

test.each(['unkillable', 'denied', 'odd', 'failed'] as const)(
  'a run is kept, with its records, as long as something of it resists: %s',
  async (outcome) => {
    const stateDir = freshState()
    const facts = await deadRun(stateDir, 'grandchild setsid', 'grandchild setsid')
    const [first = 0, second = 0] = facts.grandchildren
    const context = {
      stateDir,
      installation: facts.installation,
      run: 'another',
      logger: silent,
      // One of the survivors is killed.
      kill: (targets: readonly Identity[]) => {
        if (targets.some(({ pid }) => pid === first)) process.kill(first, 'SIGKILL')
        return Promise.resolve(targets.map(({ pid }) => (pid === first ? 'killed' : outcome)))
      },
      locks: () => Promise.resolve([]),
    }
    const report = await sweepDeadRuns(context)
    expect(report).toMatchObject({
      swept: [],
      killed: [{ pid: first }],
      left: [{ run: facts.run, pid: second, reason: outcome === 'unkillable' ? 'unkillable' : 'odd_process' }],
    })
    expect(noRuns(stateDir)).toEqual([facts.run])
    expect(existsSync(join(stateDir, 'runs', facts.run, 'owner.json'))).toBe(true)
    expect(isAlive(second)).toBe(true)
    // A sweep that can kill the survivor removes the run.
    expect(await (await open(stateDir)).swept).toMatchObject({
      swept: [facts.run],
      killed: [{ pid: second }],
      left: [],
    })
    expect(isAlive(second)).toBe(false)
  },
)

test.each(['lost', 'damaged'])('a run whose owner record is %s is swept by what its log says', async (what) => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'grandchild setsid')
  const file = join(stateDir, 'runs', facts.run, 'owner.json')
  if (what === 'lost') rmSync(file)
  else writeFileSync(file, readFileSync(file).subarray(0, 50))
  const report = await (await open(stateDir)).swept
  expect(report).toMatchObject({ swept: [facts.run], left: [] })
  expect(report.killed.map(({ pid }) => pid)).toEqual(facts.grandchildren)
  expect(existsSync(join(stateDir, 'runs', facts.run))).toBe(false)
})

test('a runtime directory that is not the run’s own is never removed', async () => {
  const stateDir = freshState()
  const facts = await deadRun(stateDir, 'idle')
  const precious = join(stateDir, 'precious')
  mkdirSync(precious)
  writeFileSync(join(precious, 'data'), 'x')
  changeOwner(stateDir, facts.run, { runtimeDirectory: precious })
  expect(await (await open(stateDir)).swept).toMatchObject({ swept: [facts.run] })
  expect(readFileSync(join(precious, 'data'), 'utf8')).toBe('x')
})

test('half-made and half-removed folders of runs are cleared away', async () => {
  const stateDir = freshState()
  await (await open(stateDir)).close()
  const runs = join(stateDir, 'runs')
  for (const name of ['.new-aaaaaaa', '.new-bbbbbbb', '.removed-ccccccc-00000000']) mkdirSync(join(runs, name))
  const hourAgo = Date.now() / 1000 - 3600
  utimesSync(join(runs, '.new-aaaaaaa'), hourAgo, hourAgo)
  const runtime = await open(stateDir)
  await runtime.swept
  expect(readdirSync(runs).sort()).toEqual(['.new-bbbbbbb', runtime.runId].sort())
})

test('copies of logs whose readers were killed are cleared away', async () => {
  const [old, fresh] = ['old', 'new'].map((name) => mkdtempSync(join(tmpdir(), `terrarium-log-${name}`))) as [
    string,
    string,
  ]
  onEnd(() => {
    for (const copy of [old, fresh]) rmSync(copy, { recursive: true, force: true })
  })
  writeFileSync(join(old, 'CURRENT'), '')
  const hoursAgo = Date.now() / 1000 - 7200
  utimesSync(old, hoursAgo, hoursAgo)
  await (
    await open()
  ).swept
  expect([old, fresh].map((copy) => existsSync(copy))).toEqual([false, true])
})

const ofAnInnocent =
  '18: a logged pid that belongs to an innocent process today: the entry is dropped, the process lives'
testUnless(withoutChosenNumbers())(ofAnInnocent, async () => {
  const inside = [fixture('reuse.py'), process.execPath, fixture('host.mjs'), freshState(), python, fixture('child.py')]
  // The parent-death signal outlives exec, and --kill-child ends the whole namespace.
  const script = `import os; os.execvp("unshare", ["unshare", "-pf", "--mount-proc", "--kill-child", *sys.argv[1:]])`
  const child = decoy(script, [python, ...inside])
  const result = JSON.parse(await text(child.stdout)) as {
    dead: HostFacts
    pids: number[]
    alive: boolean[]
    report: { swept: SweepResult }
  }
  expect(result.alive).toEqual([true, true])
  expect(result.report.swept).toMatchObject({ swept: [result.dead.run], killed: [], left: [] })
  expect(result.report.swept.dropped.map(({ pid }) => pid).sort()).toEqual(result.pids.sort())
  expect(findTagged({ installation: result.dead.installation })).toEqual([])
})

function changeOwner(stateDir: string, run: string, change: object): void {
  const file = join(stateDir, 'runs', run, 'owner.json')
  const owner = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(`${file}.new`, JSON.stringify({ ...owner, ...change }))
  renameSync(`${file}.new`, file)
}
