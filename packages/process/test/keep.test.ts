import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import {
  findTagged,
  fromProgram,
  keep,
  SPAWN_ARGUMENTS,
  type KeepOptions,
  type Kept,
  type KeptEvents,
  type Runtime,
} from '@terrarium/process'
import { createSupervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { pino } from 'pino'
import { createActor, setup, toPromise, waitFor, type Actor, type Snapshot } from 'xstate'
import { CONTAINMENTS, testUnless, withoutContainments } from '../../../test/support/when.ts'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { ended, familyOf, freshState, onEnd, open, python, shepherdsOf, startHost, watch } from './support.ts'

/** Stays until it is told to end. Descriptor 0 is no terminal and no open pipe. */
const STAYS = 'echo up; exec sleep 60'

/** Kept on this runtime, or on one of the test's own. */
async function keepShell(script: string, options: KeepOptions = {}): Promise<Kept & { readonly runtime: Runtime }> {
  const runtime = options.runtime ?? (await open())
  const kept = keep('sh', ['-c', script], { logger: silent, ...options, runtime })
  onEnd(() => kept.stop())
  return Object.assign(kept, { runtime })
}

function next<E extends keyof KeptEvents>(kept: Kept, event: E): Promise<Parameters<KeptEvents[E]>[0]> {
  return new Promise((resolve) => {
    const listener = ((told: Parameters<KeptEvents[E]>[0]) => {
      kept.off(event, listener)
      resolve(told)
    }) as KeptEvents[E]
    kept.on(event, listener)
  })
}

function count(kept: Kept, event: keyof KeptEvents): () => number {
  let times = 0
  kept.on(event, () => {
    times += 1
  })
  return () => times
}

const pidOf = ({ pid }: Kept): number => {
  if (pid === undefined || !isAlive(pid)) throw new Error(`no living process: ${pid}`)
  return pid
}

test('C2: listeners that throw do not disturb a program, and the other listeners are called all the same', async () => {
  const reports: string[] = []
  const logger = pino(
    { level: 'error' },
    { write: (line: string) => reports.push((JSON.parse(line) as { msg: string }).msg) },
  )
  const kept = await keepShell(STAYS, { ready: /^up$/, logger })
  const heard: string[] = []
  for (const event of ['program.start', 'program.ready', 'child.ready', 'child.exit'] as const) {
    kept.on(event, () => {
      throw new Error('boom')
    })
    kept.on(event, () => heard.push(event))
  }
  await kept.whenReady()
  await kept.stop()
  expect(kept.status).toBe('stopped')
  expect(heard.sort()).toEqual(['child.exit', 'child.ready', 'program.ready', 'program.start'])
  expect(reports.sort()).toEqual(heard.map((event) => `a listener for ${event} failed`))
})

test('a program that is killed comes back as another process', async () => {
  const kept = await keepShell(STAYS, { ready: /^up$/ })
  expect(kept.status).toBe('starting')
  await kept.whenReady()
  expect(kept.status).toBe('running')
  const first = pidOf(kept)
  const exit = next(kept, 'child.exit')
  const again = next(kept, 'child.ready')
  process.kill(first, 'SIGKILL')
  const { reason } = await exit
  if (reason.type !== 'error') throw new Error(`it ended with ${reason.type}`)
  expect(reason.error).toMatchObject({
    code: 'WORKER_CRASHED',
    message: 'program sh died: signal SIGKILL',
    details: { program: 'sh', pid: first, code: null, signal: 'SIGKILL' },
  })
  expect(await again).toMatchObject({ id: 'sh', incarnation: 2 })
  const second = pidOf(kept)
  expect(second).not.toBe(first)
  expect(kept.runtime.census().map(({ pid }) => pid)).toEqual([second])
})

test('a program comes back when the shepherd is killed, and the program with it', async () => {
  const kept = await keepShell(STAYS, { ready: /^up$/ })
  await kept.whenReady()
  const first = pidOf(kept)
  const again = next(kept, 'child.ready')
  process.kill(shepherdsOf(kept.runtime).at(-1) ?? 0, 'SIGKILL')
  await again
  expect(isAlive(first)).toBe(false)
  expect(kept.runtime.census().map(({ pid }) => pid)).toEqual([pidOf(kept)])
})

test('the second restart in a row waits for its delay, on the clock that is given', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell(STAYS, { clock, ready: /^up$/ })
  await kept.whenReady()
  const again = next(kept, 'child.ready')
  process.kill(pidOf(kept), 'SIGKILL')
  await again
  const backoff = next(kept, 'child.backoff')
  process.kill(pidOf(kept), 'SIGKILL')
  expect(await backoff).toMatchObject({ attempt: 2 })
  expect(kept).toMatchObject({ status: 'backing_off', pid: undefined })
  expect(kept.runtime.census()).toEqual([])
  await clock.advance(200)
  await kept.whenReady()
  expect(pidOf(kept)).toBeGreaterThan(0)
})

test('a crash loop is parked, with the last words of the program', async () => {
  const kept = await keepShell('echo first >&2; echo boom >&2; exit 3', {
    backoff: { base: 0 },
    breaker: { unstable: 3 },
  })
  const starts = count(kept, 'program.start')
  const { cause, failure } = await next(kept, 'child.parked')
  expect(cause).toBe('unstable')
  expect(failure.error).toMatchObject({
    code: 'WORKER_CRASHED',
    message: 'program sh died: exit status 3',
    hint: 'Its last words: boom',
    details: { code: 3, signal: null, stderr: 'first\nboom' },
  })
  expect(starts()).toBe(3)
  expect(kept.status).toBe('parked')
  await expect(kept.whenReady()).rejects.toBe(failure.error)
  expect(kept.runtime.census()).toEqual([])
})

test('a program that ends before it is ready has not started', async () => {
  const kept = await keepShell('echo nearly; exit 0', { ready: /^up$/, breaker: { identical: 1 } })
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'program sh ended before it was ready: exit status 0',
    hint: expect.stringContaining('foreground'),
  })
})

test('restarts beyond the intensity end the program for good', async () => {
  const kept = await keepShell('exit 1', { backoff: { base: 0 }, breaker: { unstable: 100 }, intensity: 2 })
  const starts = count(kept, 'program.start')
  const { reason } = await next(kept, 'supervisor.exit')
  expect(reason).toMatchObject({ type: 'error', error: { code: 'STOPPED', cause: { code: 'WORKER_CRASHED' } } })
  expect(starts()).toBe(3)
  await expect(kept.whenReady()).rejects.toMatchObject({ code: 'STOPPED', message: expect.stringMatching(/gave up/) })
  await kept.stop()
  expect(kept.status).toBe('stopped')
})

test.each([
  ['does not exist', 'absent', /there is no such program/, /Check the path/],
  ['may not be executed', 'locked', /permission denied/, /Make .* executable/],
  ['is no program', 'noise', /not a program for this machine/, /Install/],
])('a program that %s is started once, and says what to do', async (_, file, message, hint) => {
  const folder = freshState()
  writeFileSync(join(folder, 'locked'), '#!/bin/sh\n', { mode: 0o600 })
  writeFileSync(join(folder, 'noise'), '\0\0\0\0', { mode: 0o700 })
  const path = join(folder, file)
  const kept = keep(path, [], { runtime: await open(), logger: silent, backoff: { base: 0 } })
  onEnd(() => kept.stop())
  const starts = count(kept, 'child.start')
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  })
  expect(kept.status).toBe('parked')
  expect(starts()).toBe(1)
  // Repaired, and unparked by the caller.
  rmSync(path, { force: true })
  writeFileSync(path, `#!/bin/sh\n${STAYS}\n`)
  chmodSync(path, 0o700)
  await kept.supervisor.unpark(kept.name)
  await kept.whenReady()
  expect(starts()).toBe(2)
})

test('a folder that does not exist is a configuration error too', async () => {
  const kept = await keepShell(STAYS, { cwd: join(freshState(), 'absent') })
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(/there is no such folder/),
  })
})

test('stop() ends a grandchild in a session of its own and without a spawn tag', async () => {
  const kept = await keepShell('env -i setsid sleep 60 & setsid sleep 60 & echo up; wait', { ready: /^up$/ })
  const start = next(kept, 'program.start')
  await kept.whenReady()
  const { spawnId } = await start
  await eventually('all three run', () => familyOf(spawnId).length === 3)
  await kept.stop()
  expect(familyOf(spawnId)).toEqual([])
  expect(kept).toMatchObject({ status: 'stopped', pid: undefined })
  await expect(kept.whenReady()).rejects.toMatchObject({ code: 'STOPPED' })
  // The runtime was given, and goes on.
  const other = await kept.runtime.spawn({ name: 'other', command: 'true', args: [] })
  expect(await other.exited).toMatchObject({ code: 0 })
})

test('a program that ignores SIGTERM is killed after its grace', async () => {
  const kept = await keepShell('trap "" TERM; echo up; while :; do sleep 1; done', { ready: /^up$/, grace: 100 })
  await kept.whenReady()
  const exit = next(kept, 'child.exit')
  await kept.stop()
  expect(await exit).toMatchObject({ reason: { type: 'shutdown', detail: { signal: 'SIGKILL', requested: 'kill' } } })
})

test('a program that ends within its grace is never killed', async () => {
  const script = 'trap "sleep 2.5; exit 7" TERM; echo up; while :; do sleep 0.01; done' // longer than the default
  const kept = await keepShell(script, { ready: /^up$/, grace: 50_000 })
  await kept.whenReady()
  const exit = next(kept, 'child.exit')
  await kept.stop()
  expect(await exit).toMatchObject({ reason: { type: 'shutdown', detail: { code: 7, requested: 'term' } } })
})

test('stop() during the start leaves no process', async () => {
  const runtime = await open()
  const spawned: Promise<unknown>[] = []
  const observed: Runtime = Object.assign(Object.create(runtime) as Runtime, {
    spawn: (request: Parameters<Runtime['spawn']>[0]) => {
      const spawning = runtime.spawn(request)
      spawned.push(spawning)
      return spawning
    },
    census: () => runtime.census(),
  })
  const kept = await keepShell(STAYS, { runtime: observed })
  await eventually('it was ordered', () => spawned.length === 1)
  expect(kept.pid).toBeUndefined()
  await kept.stop()
  expect(await spawned[0]).toMatchObject({ pid: expect.any(Number) }) // there was something to be ended
  expect(runtime.census()).toEqual([])
})

test('stop() before the program is ready leaves no process', async () => {
  const kept = await keepShell('exec sleep 60', { ready: /^never$/ })
  const waiting = kept.whenReady()
  const { pid } = await next(kept, 'program.start')
  expect(isAlive(pid)).toBe(true)
  await Promise.all([kept.stop(), expect(waiting).rejects.toMatchObject({ code: 'STOPPED' })])
  expect(kept.runtime.census()).toEqual([])
})

test('a program that is not ready in time is ended, and its time is up on the clock that is given', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell('echo waiting >&2; exec sleep 60', {
    clock,
    ready: /^up$/,
    startTimeout: 5_000,
    breaker: { identical: 1 },
  })
  const { pid } = await next(kept, 'program.start')
  await clock.advance(4_999)
  expect(isAlive(pid)).toBe(true)
  expect(kept.status).toBe('starting')
  await clock.advance(1)
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'program sh was not ready within 5000 ms',
    hint: expect.stringContaining('startTimeout'),
    details: { pid, signal: 'SIGTERM' },
  })
  expect(isAlive(pid)).toBe(false)
})

test('the start time-out ends once the program is ready', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell(STAYS, { clock, ready: /^up$/ })
  await kept.whenReady()
  expect(clock.pending).toBe(0)
  await clock.advance(100_000)
  expect(kept.status).toBe('running')
  expect(isAlive(pidOf(kept))).toBe(true)
})

test.each([
  ['a RegExp that remembers where it was', 'echo it is up', /up$/g],
  [
    'a function of a line of standard error',
    'echo it is up; sleep 0.1; echo it is up >&2',
    (line: string, stream: string) => stream === 'stderr' && line === 'it is up',
  ],
])('a program is ready when %s says so, at each start', async (_, script, ready) => {
  const kept = await keepShell(`${script}; exec sleep 60`, { ready, lines: true })
  let streams: string[] = []
  kept.on('program.line', ({ stream }) => streams.push(stream))
  await kept.whenReady()
  const heard = streams
  streams = []
  const again = next(kept, 'child.ready')
  process.kill(pidOf(kept), 'SIGKILL')
  expect(await again).toMatchObject({ incarnation: 2 })
  expect(heard).toEqual(ready instanceof RegExp ? ['stdout'] : ['stdout', 'stderr'])
  expect(streams).toEqual(heard)
})

test('a ready function that throws fails the start', async () => {
  const cause = new Error('no idea')
  const ready = () => {
    throw cause
  }
  const kept = await keepShell(STAYS, { ready, breaker: { identical: 1 } })
  const error: unknown = await kept.whenReady().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'START_FAILED', message: expect.stringMatching(/cannot be asked/) })
  expect((error as Error).cause).toBe(cause)
})

test.each([{}, { ready: /^up$/ }, { ready: /^up$/, lines: true }])(
  'a chatty program does not stop at a full pipe, with %j',
  async (options) => {
    const chat = 'head -c 1000000 /dev/zero'
    const kept = await keepShell(`echo up; ${chat}; ${chat} >&2; exit 0`, { restart: 'transient', ...options })
    expect(await next(kept, 'child.exit')).toMatchObject({ reason: { type: 'normal', output: { code: 0 } } })
  },
)

test('with lines, all output is reported before the exit', async () => {
  const kept = await keepShell('echo one; echo two >&2; printf three', { lines: true, restart: 'temporary' })
  const told: string[] = []
  kept.on('program.line', ({ line }) => told.push(line))
  kept.on('child.exit', () => told.push('exit'))
  await next(kept, 'supervisor.exit')
  expect(told.at(-1)).toBe('exit')
  expect(told.sort()).toEqual(['exit', 'one', 'three', 'two'])
})

test('a line that does not end is reported in pieces', async () => {
  const script = 'head -c 200000 /dev/zero | tr "\\0" x; echo y'
  const kept = await keepShell(script, { lines: true, restart: 'temporary' })
  const told: string[] = []
  kept.on('program.line', ({ line }) => told.push(line))
  await next(kept, 'supervisor.exit')
  expect(told.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 3393])
  expect(told.join('')).toBe(`${'x'.repeat(200_000)}y`)
})

test.each([
  ['transient', 'exit 0', 1],
  ['temporary', 'exit 1', 1],
  ['permanent', 'exit 0', 3],
] as const)('%s: what becomes of `%s`', async (restart, script, expected) => {
  const kept = await keepShell(script, { restart, backoff: { base: 0, maxAttempts: 2 } })
  const starts = count(kept, 'program.start')
  await next(kept, restart === 'permanent' ? 'child.parked' : 'supervisor.exit')
  expect(starts()).toBe(expected)
})

test('a program gets its environment and folder, the spawn tag, and spawn arguments where they are asked for', async () => {
  const runtime = await open()
  const cwd = join(freshState(), 'here')
  mkdirSync(cwd)
  const script = 'echo "$TERRARIUM_SPAWN"; echo "$EXTRA"; pwd; echo "$*"'
  const said = async (args: readonly string[]): Promise<{ lines: string[]; spawn: string }> => {
    const env = { EXTRA: 'ü', TERRARIUM_SPAWN: 'cannot be overridden' }
    const options = { runtime, env, cwd, lines: true, restart: 'temporary', logger: silent } as const
    const kept = keep('sh', ['-c', script, ...args], options)
    onEnd(() => kept.stop())
    const lines: string[] = []
    kept.on('program.line', ({ line }) => lines.push(line))
    const [{ spawnId }] = await Promise.all([next(kept, 'program.start'), next(kept, 'supervisor.exit')])
    return { lines, spawn: spawnId }
  }
  const { installation, runId } = runtime
  const plain = await said(['sh', 'a b'])
  expect(plain.lines).toEqual([`${installation}:${runId}:${plain.spawn}`, 'ü', cwd, 'a b'])
  const marked = await said(['sh', SPAWN_ARGUMENTS])
  expect(marked.lines.at(-1)).toBe(`--terrarium-run ${runId} --terrarium-spawn ${marked.spawn}`)
})

test('without a runtime it opens one of its own, and stopping closes that', async () => {
  const stateDir = freshState()
  const kept = keep('sleep', ['60'], { stateDir, python, logger: silent })
  onEnd(() => kept.stop())
  await kept.whenReady()
  const [run = ''] = readdirSync(join(stateDir, 'runs'))
  const marked = findTagged({ run })
  watch(marked[0]?.installation ?? '')
  expect(marked.map(({ pid }) => pid)).toContain(pidOf(kept))
  await kept.stop()
  expect(findTagged({ run })).toEqual([])
  expect(readdirSync(join(stateDir, 'runs'))).toEqual([])
})

test('a runtime that keep() opens itself and that cannot be opened is a configuration error, and can be stopped while it opens', async () => {
  const stateDir = freshState()
  const broken = keep('sleep', ['60'], { stateDir, python: '/nowhere/python', logger: silent })
  await expect(broken.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(/there is no/),
  })
  await broken.stop()
  const hasty = keep('sleep', ['60'], { stateDir, python, logger: silent })
  await new Promise(setImmediate)
  await hasty.stop()
  expect(readdirSync(join(stateDir, 'runs'), { withFileTypes: true })).toEqual([])
})

test('no process is left when the host is killed', async () => {
  const host = startHost(freshState(), 'keep', 'setsid sleep 60 & echo up; wait')
  const { children } = await host.next()
  const [{ pid, spawn } = { pid: 0, spawn: '' }] = children
  process.kill(pid, 'SIGKILL')
  const [second = { pid: 0, spawn: '' }] = (await host.next()).children
  expect(second.pid).not.toBe(pid)
  await eventually('it runs, with its child', () => familyOf(second.spawn).length === 2)
  expect(familyOf(spawn)).toEqual([])
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('nothing is left', () => familyOf(second.spawn).length === 0, 2000)
})

const lacks = await withoutContainments()
for (const containment of CONTAINMENTS) {
  testUnless(lacks[containment])(`with containment ${containment}: restarted, stopped, gone`, async () => {
    const runtime = await open(freshState(), silent, { containment })
    const kept = await keepShell('setsid sleep 60 & echo up; wait', { runtime, ready: /^up$/ })
    await kept.whenReady()
    const again = next(kept, 'child.ready')
    process.kill(pidOf(kept), 'SIGKILL')
    await again
    await eventually('the second process and its child, and no other', () => runtime.census().length === 2)
    await kept.stop()
    expect(runtime.census()).toEqual([])
  })
}

const machineOf = (runtime: Runtime, script: string) =>
  setup({ actors: { program: fromProgram('sh', ['-c', script], { runtime, ready: /^up$/ }) } }).createMachine({
    initial: 'on',
    states: {
      on: {
        invoke: { id: 'program', src: 'program', onDone: 'done', onError: 'failed' },
        on: { leave: 'off' },
      },
      off: { on: { enter: 'on' } },
      done: { type: 'final', output: ({ event }: { event: { output?: unknown } }) => event.output },
      failed: { type: 'final', output: ({ event }: { event: { error?: unknown } }) => event.error },
    },
    output: ({ event }) => (event as { output?: unknown }).output,
  })

test('a program that a machine invokes is done with its exit status', async () => {
  const actor = createActor(machineOf(await open(), 'echo up; exit 0')).start()
  expect(await toPromise(actor)).toMatchObject({ code: 0, signal: null, requested: 'none' })
})

test('a program that a machine invokes fails with the reason', async () => {
  const actor = createActor(machineOf(await open(), 'echo up; echo dear me >&2; exit 4')).start()
  expect(await toPromise(actor)).toMatchObject({ code: 'WORKER_CRASHED', details: { code: 4, stderr: 'dear me' } })
})

test('a machine that leaves the state ends the program, and coming back starts another', async () => {
  const runtime = await open()
  const actor = createActor(machineOf(runtime, 'echo up; exec sleep 60')).start()
  const running = async (): Promise<number> => {
    const { children } = await waitFor(actor, ({ value }) => value === 'on')
    if (children.program === undefined) throw new Error('not invoked')
    const { pid = 0 } = await waitFor(children.program, ({ phase }) => phase === 'running')
    expect(isAlive(pid)).toBe(true)
    return pid
  }
  const first = await running()
  actor.send({ type: 'leave' })
  await eventually('it is gone', () => !isAlive(first))
  actor.send({ type: 'enter' })
  expect(await running()).not.toBe(first)
  actor.stop()
  await eventually('nothing is left', () => runtime.census().length === 0)
})

test('under a supervisor: ready when it says so, restarted when it fails, gone when the supervisor has stopped', async () => {
  const runtime = await open()
  const web = fromProgram('sh', ['-c', 'sleep 0.1; echo up; exec sleep 60'], { runtime, ready: /^up$/ })
  const app = createSupervisor({ id: 'app', children: [{ id: 'web', logic: web }] })
  onEnd(() => app.stop())
  await app.start()
  expect(app.child('web')?.getSnapshot()).toMatchObject({ phase: 'running' })
  const { pid = 0 } = app.child('web')?.getSnapshot() ?? {}
  expect(isAlive(pid)).toBe(true)
  const ready = new Promise((resolve) => app.on('child.ready', resolve))
  process.kill(pid, 'SIGKILL')
  await ready
  expect(app.child('web')?.getSnapshot().pid).not.toBe(pid)
  const exit = new Promise((resolve) => app.on('child.exit', resolve))
  await app.stop()
  expect(runtime.census()).toEqual([])
  expect(await exit).toMatchObject({ reason: { type: 'shutdown', detail: { signal: 'SIGTERM' } } })
})

test('a supervisor that cannot start a program says why', async () => {
  const logic = fromProgram('/nowhere/program', [], { runtime: await open() })
  const app = createSupervisor({
    id: 'app',
    children: [{ id: 'web', logic, ready: ({ phase }) => phase === 'running' }],
  })
  await expect(app.start()).rejects.toMatchObject({ code: 'START_FAILED', cause: { code: 'CONFIGURATION' } })
})

test('restored from a persisted snapshot it is started afresh, with its input', async () => {
  const logic = fromProgram('sleep', ['60'], { runtime: await open() })
  const pidOnceRunning = async (actor: Actor<typeof logic>): Promise<number> => {
    onEnd(() => actor.stop())
    const { pid = 0 } = await waitFor(actor.start(), ({ phase }) => phase === 'running')
    expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toBe('sleep\u000061\0')
    return pid
  }
  const actor = createActor(logic, { input: { args: ['61'] } })
  const first = await pidOnceRunning(actor)
  const snapshot = JSON.parse(JSON.stringify(actor.getPersistedSnapshot())) as Snapshot<unknown>
  const restored = createActor(logic, { snapshot, input: undefined })
  expect(restored.getSnapshot()).toMatchObject({ phase: 'starting', pid: undefined })
  expect(await pidOnceRunning(restored)).not.toBe(first)
})

test('as a template its children differ by their input', async () => {
  const runtime = await open()
  const logic = fromProgram('sleep', ['60'], { runtime })
  const app = createSupervisor({ id: 'app', strategy: 'simple_one_for_one', children: [{ id: 'sleep', logic }] })
  onEnd(() => app.stop())
  await app.start()
  const ref = await app.startChild({ args: ['61'], name: 'longer' })
  const { pid = 0 } = (await (ref && waitFor(ref, ({ phase }) => phase === 'running'))) ?? {}
  expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toBe('sleep\u000061\0')
  await expect(app.startChild({ args: [61 as never] })).rejects.toMatchObject({
    cause: { code: 'INVALID_ARGUMENT', message: expect.stringContaining('input.args must be') },
  })
})

test.each([
  ['no command', () => keep(''), 'command must be the name or path of a program'],
  ['arguments in one string', () => keep('x', '-g daemon' as never), 'args must be an array of strings'],
  ['an argument that is no string', () => keep('x', [80 as never]), 'args must be an array of strings'],
  ['options for arguments', () => keep('x', { name: 'y' } as never), 'args must be an array of strings'],
  [
    'two spawn arguments',
    () => keep('x', [SPAWN_ARGUMENTS, SPAWN_ARGUMENTS]),
    'args must have SPAWN_ARGUMENTS no more than once',
  ],
  ['options that are none', () => keep('x', [], null as never), 'options must be an object, not null'],
  ['readiness in words', () => keep('x', [], { ready: 'up' as never }), 'ready must be a RegExp or a function'],
  ['no time', () => keep('x', [], { startTimeout: 0 }), 'startTimeout must be whole ms from 1'],
  ['half a grace', () => keep('x', [], { grace: 0.5 }), 'grace must be whole ms from 0'],
  ['lines in words', () => keep('x', [], { lines: 'all' as never }), 'lines must be true or false'],
  ['no runtime', () => keep('x', [], { runtime: {} as never }), 'runtime must be what openRuntime() resolves to'],
  ['no runtime at all', () => fromProgram('x', [], {} as never), 'runtime is missing: what openRuntime() resolves to'],
  ['no restart type', () => keep('x', [], { restart: 'always' as never }), 'restart must be permanent, transient or'],
  ['a negative intensity', () => keep('x', [], { intensity: -1 }), 'intensity must be a whole number'],
  [
    'an option of a runtime beside a runtime',
    () => keep('x', [], { runtime: { spawn: keep } as never, stateDir: '/tmp' }),
    'stateDir means nothing to the runtime that is given: give it to openRuntime()',
  ],
  ['no breaker', () => keep('true', [], { breaker: 'off' as never }), "breaker must not be 'off'"],
])('%s is refused at once', (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }))
})

test('all mistakes are named at once', () => {
  expect(() => keep('', [], { grace: -1, name: 1 as never, intensity: -1 })).toThrow(
    /command must.*; name must.*; grace must.*; intensity must/,
  )
})
