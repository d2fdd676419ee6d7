import { expect, test } from '@jest/globals'
import { createActor } from 'xstate'
import { createSupervisor, IGNORE } from '@terrarium/supervisor'
import {
  call,
  cast,
  exit,
  exitReasonOf,
  exitSignal,
  fromServer,
  reply,
  stopServer,
  type From,
} from '@terrarium/supervisor/otp'
import type { VirtualClock } from '@terrarium/supervisor/testing'
import { isOver } from '../../src/actor/exit.ts'
import { createFrom } from '../../src/otp/server/from.ts'
import { idle } from '../support.ts'
import { BOOM, boom, KILLED, NORMAL, observers, settled, SHUTDOWN, start, worker } from './actors.ts'
import { failure, GET, serve, sleep } from './serving.ts'

test('M01 a call of a missing server fails with noproc, a cast does nothing', async () => {
  const { ref } = serve()
  exit(ref, KILLED)
  const error = await failure(call(ref, GET))
  expect(error).toMatchObject({ code: 'STOPPED', details: { reason: 'noproc', actor: ref.id, request: 'get' } })
  expect(() => {
    cast(ref, GET)
  }).not.toThrow()
})

test('M02 a late reply is dropped, the server unaffected, and neither timer nor listener is left', async () => {
  const { ref, clock, log } = serve(({ clock, log }) => ({
    handleCall: async (_request, _from, state) => {
      await sleep(clock, 150)
      log.push('answers')
      return { reply: state }
    },
  }))
  const before = observers(ref)
  const answers: unknown[] = []
  const answer = call(ref, GET, { timeout: 50 })
  answer.then(
    (value) => answers.push(value),
    (error: unknown) => answers.push(error),
  )
  expect(observers(ref)).toBe(before + 1)
  await clock.advance(49)
  expect(answers).toEqual([])
  await clock.advance(1)
  expect(answers).toMatchObject([{ code: 'DEADLINE_EXCEEDED', details: { actor: ref.id, request: 'get' } }])
  expect(observers(ref)).toBe(before)
  await clock.advance(100)
  expect(log).toEqual(['answers'])
  expect(answers).toHaveLength(1)
  expect(clock.pending).toBe(0)
  expect(exitReasonOf(ref)).toBeUndefined()
})

test('M03 a call waits 5000 ms by default, an operation of a supervisor for ever', async () => {
  const { ref, clock } = serve(() => ({ handleCall: () => undefined }))
  const answers: unknown[] = []
  call(ref, GET).catch((error: unknown) => answers.push(error))
  await clock.advance(4_999)
  expect(answers).toEqual([])
  await clock.advance(1)
  expect(answers).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }])

  const app = createSupervisor({ id: 'app', clock })
  await app.start()
  let isOpen = true
  void app.startChild({ id: 'slow', logic: idle, ready: () => false }).catch(() => {
    isOpen = false
  })
  await clock.advance(24 * 3_600_000)
  expect(isOpen).toBe(true)
  await app.stop()
})

test('M04 a crash while handling a call is the caller’s error, with the server’s as its cause', async () => {
  const { ref, clock } = serve(() => ({
    handleCall: () => {
      throw boom
    },
  }))
  const error = await failure(call(ref, GET))
  expect(error).toMatchObject({ code: 'STOPPED', details: { reason: 'error', request: 'get' } })
  expect(error.cause).toBe(boom)
  expect(clock.pending).toBe(0)
})

test('M05 a server that stops normally without a reply has failed the call', async () => {
  const { ref } = serve(() => ({ handleCall: () => ({ stop: NORMAL }) }))
  const error = await failure(call(ref, GET))
  expect(error).toMatchObject({ code: 'STOPPED', details: { reason: 'normal', exit: NORMAL } })
  expect(error.cause).toBeUndefined()
})

test('M06 a server that calls itself is refused at once', async () => {
  const { ref, clock } = serve(() => ({
    handleCall: async (_request, _from, _state, self) => ({
      reply: await failure(call(self, GET, { caller: self })),
    }),
  }))
  const error = await call(ref, GET)
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { reason: 'calling_self' } })
  expect(clock.pending).toBe(0)
})

test('M07 a server can answer later, and serves others in between', async () => {
  const { ref } = serve(() => ({
    handleCall: ({ type }, from) => (type === 'get' ? { state: from } : { reply: 'other' }),
    handleInfo: (_event, from) => {
      reply(from as From, 'late')
      reply(from as From, 'twice')
      return undefined
    },
  }))
  const late = call(ref, GET)
  await expect(call(ref, { type: 'other' })).resolves.toBe('other')
  ref.send({ type: 'now' })
  await expect(late).resolves.toBe('late')
})

test('M08 a caller that waits for a deferred reply gets an error when the server is killed', async () => {
  const { ref } = serve(() => ({ handleCall: () => undefined }))
  const answer = failure(call(ref, GET, { timeout: 'infinity' }))
  exit(ref, KILLED)
  expect(await answer).toMatchObject({ code: 'STOPPED', details: { reason: 'killed', exit: KILLED } })
})

test('M09 stop with a reply: first terminate, then the reply, then the exit', async () => {
  const late = (clock: VirtualClock, log: unknown[]) => async (): Promise<void> => {
    await sleep(clock, 100)
    log.push('terminate')
  }
  const atOnce = (_: VirtualClock, log: unknown[]) => (): void => void log.push('terminate')
  const failing = (_: VirtualClock, log: unknown[]) => (): never => {
    log.push('terminate')
    throw boom
  }
  const rejecting = (clock: VirtualClock, log: unknown[]) => async (): Promise<never> => {
    await late(clock, log)()
    throw boom
  }
  for (const stop of [NORMAL, SHUTDOWN, KILLED, { type: 'error', error: new Error('stop') } as const]) {
    for (const [terminate, end] of [
      [late, stop],
      [atOnce, stop],
      // The caller has its reply also if terminate fails, of which the server then ends.
      [failing, BOOM],
      [rejecting, BOOM],
    ] as const) {
      const { ref, clock, log } = serve(({ clock, log }) => ({
        handleCall: () => ({ stop, reply: 'ok' }),
        terminate: terminate(clock, log),
      }))
      ref.subscribe({ complete: () => log.push('exit'), error: () => log.push('exit') })
      // Told in the very moment of the reply, and not a microtask later as by a promise.
      const settle = (value: unknown): void => void log.push(value, isOver(ref) ? 'dead' : 'alive')
      ref.send({ ...GET, from: createFrom(undefined, settle) })
      const answer = call(ref, GET).catch((error: unknown) => error) // comes too late
      if (terminate === late || terminate === rejecting) {
        await clock.advance(99)
        expect(log).toEqual([])
      }
      await clock.advance(1)
      expect(log).toEqual(['terminate', 'ok', 'alive', 'exit'])
      expect(exitReasonOf(ref)).toEqual(end)
      expect(await answer).toMatchObject({ code: 'STOPPED' })
    }
  }

  // No caller of a server that is killed while it terminates has a reply.
  const { ref, clock } = serve(({ clock, log }) => ({
    handleCall: () => ({ stop: NORMAL, reply: 'ok' }),
    terminate: late(clock, log),
  }))
  const error = failure(call(ref, GET))
  await clock.advance(50)
  exit(ref, KILLED)
  expect(await error).toMatchObject({ code: 'STOPPED', details: { exit: KILLED } })
})

test('M10 a reply counts though the server ends right after it', async () => {
  const { ref } = serve(() => ({
    handleCall: (_request, from) => {
      reply(from, 'ok')
      return { stop: BOOM }
    },
  }))
  await expect(call(ref, GET)).resolves.toBe('ok')
  expect(exitReasonOf(ref)).toEqual(BOOM)
})

test('M11 continue comes before any message, but after the return of start', async () => {
  const log: string[] = []
  const logic = fromServer({
    init: () => ({ state: 0, continue: 'x' }),
    handleContinue: (continuation) => {
      log.push(`continue ${String(continuation)}`)
      return continuation === 'x' ? { continue: 'y' } : undefined
    },
    handleInfo: ({ type }) => {
      log.push(type)
      return undefined
    },
  })
  const ref = createActor(logic)
  ref.send({ type: 'queued' })
  ref.start()
  log.push('started')
  await settled()
  expect(log).toEqual(['started', 'continue x', 'continue y', 'queued'])
})

test('M12 a timeout ends with any message and comes when there is none', async () => {
  const { ref, clock, log } = serve(({ log }) => ({
    handleCast: () => ({ timeout: 40 }),
    handleInfo: ({ type }) => {
      log.push(type)
      return undefined
    },
  }))
  cast(ref, { type: 'arm' })
  await clock.advance(39)
  ref.send({ type: 'message' })
  await clock.advance(1_000)
  expect(log).toEqual(['message'])
  expect(clock.pending).toBe(0)

  cast(ref, { type: 'arm' })
  await clock.advance(39)
  cast(ref, { type: 'arm' })
  await clock.advance(39)
  expect(log).toEqual(['message'])
  await clock.advance(1)
  expect(log).toEqual(['message', 'timeout'])

  cast(ref, { type: 'arm' })
  exit(ref, KILLED)
  expect(clock.pending).toBe(0)
})

test('M13 a server that fails runs terminate with its own error, trapping or not', async () => {
  const { ref, log } = serve(() => ({
    handleInfo: () => Promise.reject(boom),
  }))
  ref.send({ type: 'fail' })
  await settled()
  expect(log).toEqual([BOOM])
  expect(exitReasonOf(ref)).toEqual(BOOM)
})

test('M14 an exit signal ends a server that does not trap without terminate', () => {
  const { ref, log } = serve()
  exitSignal(ref, BOOM, worker())
  expect(exitReasonOf(ref)).toEqual(BOOM)
  expect(log).toEqual([])
})

test('M15 stopServer resolves only if the server ends in time and with the reason asked for', async () => {
  const plain = serve()
  await stopServer(plain.ref, { reason: SHUTDOWN })
  expect(plain.log).toEqual([SHUTDOWN])
  expect(exitReasonOf(plain.ref)).toEqual(SHUTDOWN)

  const slow = serve(({ clock, log }) => ({
    terminate: async () => {
      await sleep(clock, 100)
      log.push('terminated')
    },
  }))
  const late = failure(stopServer(slow.ref, { timeout: 50 }))
  await slow.clock.advance(50)
  expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await slow.clock.advance(50)
  expect(slow.log).toEqual(['terminated'])
  expect(exitReasonOf(slow.ref)).toEqual(NORMAL)

  const other = serve(() => ({
    terminate: () => {
      throw boom
    },
  }))
  const error = await failure(stopServer(other.ref))
  expect(error).toMatchObject({ code: 'STOPPED', details: { reason: 'error' } })
  expect(error.cause).toBe(boom)
  expect(await failure(stopServer(other.ref))).toMatchObject({ code: 'STOPPED', details: { reason: 'noproc' } })
})

test('M16 init can refuse to start, with a reason; the start function of a child can say IGNORE', async () => {
  const failing = { id: 'a', logic: fromServer({ init: () => ({ stop: BOOM }) }) }
  const refusing = { id: 'b', logic: fromServer({ init: () => ({ stop: NORMAL }) }) }
  const app = createSupervisor({ id: 'app' })
  await app.start()
  const error = await failure(app.startChild(failing))
  expect(error.code).toBe('START_FAILED')
  expect(error.cause).toBe(boom)
  expect(await failure(app.startChild(refusing))).toMatchObject({
    code: 'START_FAILED',
    cause: { code: 'STOPPED', details: { exit: 'normal' } },
  })
  await expect(app.startChild({ id: 'c', logic: () => IGNORE })).resolves.toBeUndefined()
  expect(app.children.map(({ id, state }) => `${id} ${state}`)).toEqual(['c stopped'])
  await app.stop()
})

test('M18 messages of one sender are handled in order, casts before the call after them', async () => {
  const { ref, clock } = serve(({ clock }) => ({
    init: () => ({ state: [] }),
    handleCast: async ({ type }, state) => {
      await sleep(clock, 10)
      return { state: [...(state as string[]), type] }
    },
  }))
  for (const type of ['1', '2', '3', '4', '5']) cast(ref, { type })
  const answer = call(ref, GET)
  await clock.advance(50)
  await expect(answer).resolves.toEqual(['1', '2', '3', '4', '5'])
})

test('M19 an unknown message is logged, an unknown call or cast is an error', async () => {
  const logged: unknown[][] = []
  const bare = fromServer({ init: () => ({ state: 0 }) })
  const ref = createActor(bare, { logger: (...values: unknown[]) => logged.push(values) })
  ref.subscribe({ error: () => undefined })
  ref.start()
  ref.send({ type: 'unknown' })
  expect(logged).toEqual([[expect.stringContaining('handleInfo'), { type: 'unknown' }]])
  expect(exitReasonOf(ref)).toBeUndefined()

  expect(await failure(call(ref, GET))).toMatchObject({ cause: { details: { handler: 'handleCall' } } })
  const other = start(bare)
  cast(other, GET)
  expect(exitReasonOf(other)).toMatchObject({ error: { details: { handler: 'handleCast' } } })
})
