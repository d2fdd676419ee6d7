import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { fromProgram, type Runtime } from '@terrarium/process'
import { createSupervisor } from '@terrarium/supervisor'
import { createActor, setup, toPromise, waitFor, type Actor, type Snapshot } from 'xstate'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { onEnd, open } from './support.ts'

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

test('children of a template with a program differ by their input', async () => {
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
