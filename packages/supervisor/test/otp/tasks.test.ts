import { expect, test } from '@jest/globals'
import type { AnyActorRef } from 'xstate'
import { createSupervisor, type Administration, type Supervisor } from '@terrarium/supervisor'
import { exit, exitReasonOf, link, monitor, startTask, type DownEvent } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { BOOM, boom, KILLED, settled, worker } from './actors.ts'

const tasks = async (maxChildren = Infinity): Promise<Supervisor> => {
  const app = createSupervisor({
    id: 'tasks',
    strategy: 'dynamic',
    ...(maxChildren === Infinity ? {} : { maxChildren }),
  })
  await app.start()
  return app
}

const sleep = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimeout(resolve, ms)
  })

test('P01 a task is a temporary child; its result comes, then DOWN with normal', async () => {
  const app = await tasks()
  const clock = new VirtualClock()
  const log: unknown[] = []
  const { ref, result } = await startTask(app, async () => {
    await sleep(clock, 10)
    return 42
  })
  expect(app.children).toMatchObject([{ ref, state: 'running' }])
  await expect(app.getChildSpec(ref)).resolves.toMatchObject({ restart: 'temporary', shutdown: 5_000 })
  monitor(ref, ({ reason }) => log.push(reason))
  void result.then((value) => log.push(value))
  await clock.advance(10)
  expect(log).toContainEqual({ type: 'normal', output: 42 })
  expect(log).toContain(42)
  expect(app.children).toEqual([])
  await app.stop()
})

test('P02 a caller that links itself to its task dies with it', async () => {
  const app = await tasks()
  const caller = worker()
  const clock = new VirtualClock()
  const { ref, result } = await startTask(app, async () => {
    await sleep(clock, 10)
    throw boom
  })
  link(caller, ref)
  await clock.advance(10)
  await expect(result).rejects.toBe(boom)
  expect(exitReasonOf(caller)).toEqual(BOOM)
  await app.stop()
})

test('P03 a caller that does not link itself learns of the failure and lives, and so do all others', async () => {
  const app = await tasks()
  const downs: DownEvent[] = []
  const sibling = await startTask(app, () => new Promise<never>(() => undefined))
  const { ref, result } = await startTask(app, () => {
    throw boom
  })
  monitor(ref, (down) => downs.push(down))
  await expect(result).rejects.toBe(boom)
  await settled()
  expect(downs).toHaveLength(1)
  expect(exitReasonOf(ref)).toEqual(BOOM)
  expect(app.children).toMatchObject([{ ref: sibling.ref, state: 'running' }])
  await app.stop()
})

test('P04 a caller that stops waiting gets nothing more, and the task goes on', async () => {
  const app = await tasks()
  const clock = new VirtualClock()
  const done: string[] = []
  const { ref, result } = await startTask(app, async () => {
    await sleep(clock, 100)
    done.push('task')
  })
  const outcome = Promise.race([result, sleep(clock, 50).then(() => 'timeout')])
  await clock.advance(50)
  await expect(outcome).resolves.toBe('timeout')
  expect(exitReasonOf(ref)).toBeUndefined()
  await clock.advance(50)
  expect(done).toEqual(['task'])
  await app.stop()
})

test('P06 a task beyond maxChildren is refused', async () => {
  const app = await tasks(1)
  const running = await startTask(app, () => new Promise<never>(() => undefined))
  await expect(startTask(app, () => Promise.resolve())).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { reason: 'max_children' },
  })
  await app.terminateChild(running.ref)
  const next = await startTask(app, () => Promise.resolve('next'))
  await expect(next.result).resolves.toBe('next')
  await app.stop()
})

test('P07 a result can be awaited again; after a shutdown results stay, and stopped and failed tasks reject', async () => {
  const app = await tasks()
  const clock = new VirtualClock()
  const aborted: unknown[] = []
  const forever = await startTask(app, ({ signal }) => {
    signal.addEventListener('abort', () => aborted.push('aborted'))
    return new Promise<never>(() => undefined)
  })
  const first = Promise.race([forever.result, sleep(clock, 10)])
  await clock.advance(10)
  await expect(first).resolves.toBeUndefined()
  expect(exitReasonOf(forever.ref)).toBeUndefined()

  await app.terminateChild(forever.ref)
  expect(aborted).toEqual(['aborted'])
  await expect(forever.result).rejects.toMatchObject({ code: 'STOPPED' })

  // The tasks end before any code can ask for them.
  const busy: Pick<Administration, 'startChild'> = {
    startChild: (spec) =>
      app.startChild(spec).then(async (ref) => {
        await settled()
        return ref
      }),
  }
  const done = await startTask(busy, () => Promise.resolve('done'))
  const failed = await startTask(busy, () => Promise.reject(boom))
  expect(exitReasonOf(done.ref)).toEqual({ type: 'normal', output: 'done' })
  await expect(done.result).resolves.toBe('done')
  await expect(failed.result).rejects.toBe(boom)

  const killing: Pick<Administration, 'startChild'> = {
    startChild: (spec) =>
      app.startChild(spec).then((ref) => {
        exit(ref as AnyActorRef, KILLED)
        return ref
      }),
  }
  const killed = await startTask(killing, () => new Promise<never>(() => undefined))
  await expect(killed.result).rejects.toMatchObject({ code: 'STOPPED', details: { reason: 'killed' } })

  const last = await startTask(app, () => new Promise<never>(() => undefined))
  await app.stop()
  await expect(last.result).rejects.toMatchObject({ code: 'STOPPED' })
})
