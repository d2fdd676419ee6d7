import { expect, test } from '@jest/globals'
import { createMachine, fromTransition, type InspectionEvent } from 'xstate'
import { createSupervisor, supervisor, type ChildSpec, type SupervisorJson } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { oddValues } from '../src/testing/odd-values.ts'
import { bench, child, NO_JITTER, NOON, stubborn, type Bench } from './support.ts'

const jsonOf = ({ app }: Pick<Bench, 'app'>): SupervisorJson =>
  JSON.parse(JSON.stringify(app.ref.getSnapshot())) as never

async function started(...children: ChildSpec[]): Promise<Bench> {
  const it = bench({ backoff: { ...NO_JITTER, first: 500 }, children })
  await it.app.start()
  await it.clock.advance(10)
  return it
}

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code })

/** Fails before it is ready, for want of its configuration. */
const unconfigured = createMachine({
  entry: () => {
    throw coded('no such module', 'CONFIGURATION')
  },
})

test('E7: JSON of a snapshot has the children with state, incarnation, failure and until', async () => {
  const it = await started(
    child('well'),
    child('waiting'),
    child('parked', { logic: unconfigured, awaitReady: false }),
    { id: 'sub', logic: supervisor({ id: 'sub', children: [child('x')] }) },
    child('ending', { logic: stubborn, shutdown: 'infinity' }),
    child('stopped'),
  )
  await it.app.terminateChild('stopped')
  await it.crash('waiting', coded('refused', 'ECONNREFUSED'))
  void it.app.terminateChild('ending')
  expect(jsonOf(it)).toEqual({
    status: 'active',
    phase: 'running',
    now: NOON + 10,
    children: [
      { id: 'well', type: 'worker', state: 'running', incarnation: 1 },
      {
        id: 'waiting',
        type: 'worker',
        state: 'backing_off',
        incarnation: 1,
        failure: {
          class: 'transient',
          phase: 'run',
          attempts: 1,
          at: NOON + 10,
          fingerprint: it.app.children[1]?.failure?.fingerprint,
          error: { name: 'Error', message: 'refused', code: 'ECONNREFUSED' },
        },
        until: NOON + 510,
      },
      {
        id: 'parked',
        type: 'worker',
        state: 'parked',
        incarnation: 1,
        failure: expect.objectContaining({
          class: 'configuration',
          phase: 'start',
          error: { name: 'Error', message: 'no such module', code: 'CONFIGURATION' },
        }) as unknown,
      },
      { id: 'sub', type: 'supervisor', state: 'running', incarnation: 1 },
      { id: 'ending', type: 'worker', state: 'stopping', incarnation: 1 },
      { id: 'stopped', type: 'worker', state: 'stopped', incarnation: 1 },
    ],
  })
  exit(it.ref('ending'), { type: 'killed' })
  await it.app.stop()
  expect(jsonOf(it)).toMatchObject({ status: 'done', phase: 'stopped', exit: { type: 'shutdown' } })
})

test('E7: an inspector sees each change of a child, in nested supervisors too', async () => {
  const seen: string[] = []
  const inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.snapshot') return
    const json = JSON.parse(JSON.stringify(event.snapshot)) as Partial<SupervisorJson>
    if (!Array.isArray(json.children)) return
    const states = json.children.map(({ id, state, incarnation }) => `${id} ${state} ${incarnation}`).join(', ')
    if (states !== '' && seen.at(-1) !== states) seen.push(states)
  }
  const sub = supervisor({ id: 'sub', backoff: { ...NO_JITTER, first: 500 }, children: [child('x')] })
  const it = bench({ inspect, children: [{ id: 'sub', logic: sub }] })
  await it.app.start()
  const { ref } = (it.ref('sub').getSnapshot() as ReturnType<typeof it.app.ref.getSnapshot>).child('x') ?? {}
  ref?.send({ type: 'throw', error: new Error('boom') })
  await it.clock.advance(500)
  await it.app.stop()
  const ofX = seen.filter((states) => states.startsWith('x'))
  expect(ofX).toEqual(['x stopped 0', 'x running 1', 'x backing_off 1', 'x running 2', 'x stopping 2', 'x stopped 2'])
  expect(seen).toContain('sub running 1')
})

test('E7: a failed supervisor says why', async () => {
  const it = bench({ intensity: 0, children: [child('a')] })
  await it.app.start()
  await it.clock.advance(10)
  await it.crash('a')
  expect(jsonOf(it)).toMatchObject({
    status: 'error',
    exit: {
      type: 'error',
      error: {
        name: 'TerrariumError',
        code: 'STOPPED',
        message: 'supervisor app gave up: restart intensity of child a',
      },
    },
  })

  const otp = bench({ mode: 'otp', children: [child('a', { logic: unconfigured })] })
  await expect(otp.app.start()).rejects.toThrow()
  expect(jsonOf(otp)).toMatchObject({
    status: 'done',
    exit: { type: 'shutdown', error: { code: 'START_FAILED', message: expect.stringContaining('no such module') } },
  })
})

test('E7: the JSON is bounded for many children and long texts', async () => {
  const it = bench({ strategy: 'dynamic', startRate: Infinity, backoff: { first: 60_000 } })
  await it.app.start()
  const logic = fromTransition((state: number) => {
    throw new Error('x'.repeat(10_000) + String(state))
  }, 0)
  for (let n = 0; n < 1_200; n += 1) await it.app.startChild({ id: 'a', logic })
  for (const { ref } of it.app.children) ref?.send({ type: 'fail' })
  const text = JSON.stringify(it.app.ref.getSnapshot())
  expect(text.length).toBeLessThan(1_500_000)
  const json = JSON.parse(text) as SupervisorJson
  expect([json.children.length, json.omitted]).toEqual([1_000, 200])
  expect(json.children[999]).toMatchObject({ id: 'a:1000', state: 'backing_off' })
  expect(json.children[0]?.failure?.error.message).toHaveLength(1_001)
  await it.app.stop()
})

test('E7: the JSON holds no input, no output, and of an error only name, message and code', async () => {
  const secret = 'hunter2'
  const input = { password: secret }
  const failing = fromTransition(
    (state: unknown, { type }: { type: string }) => {
      if (type === 'fail')
        throw Object.assign(new Error('refused', { cause: new Error(secret) }), { input, details: input })
      return state
    },
    ({ input }: { input: unknown }) => input,
  )
  const done = createMachine({ initial: 'end', states: { end: { type: 'final' } }, output: () => input })
  const it = await started(
    child('a', { logic: failing, input }),
    child('b', { logic: failing, input }),
    child('done', { logic: done, restart: 'transient' }),
  )
  it.ref('a').send({ type: 'fail' })
  const texts = [JSON.stringify(it.app.ref.getSnapshot()), JSON.stringify(it.app.children)]
  texts.push(JSON.stringify(await it.app.whichChildren()), JSON.stringify(it.app.ref.getPersistedSnapshot()))
  await it.app.stop({ reason: { type: 'shutdown', detail: input } })
  texts.push(JSON.stringify(it.app.ref.getSnapshot()))
  for (const text of texts) {
    expect(text).toContain('"')
    expect(text).not.toContain(secret)
  }
})

test('E7: the JSON can be made and parsed for any thrown value', async () => {
  const circular: Record<string, unknown> = { message: 'circular' }
  circular.self = circular
  const odd = [...oddValues(), { name: 'a circular object', value: circular }, { name: 'a big one', value: 7n }]
  for (const { name, value } of odd) {
    const logic = fromTransition(() => {
      throw value
    }, 0)
    const it = await started(child('a', { logic }))
    it.ref('a').send({ type: 'fail' })
    for (const made of [it.app.ref.getSnapshot(), it.app.children, it.app.ref.getPersistedSnapshot()]) {
      expect([name, typeof JSON.stringify(made)]).toEqual([name, 'string'])
    }
    expect(jsonOf(it).children).toMatchObject([
      { state: 'backing_off', failure: { error: { name: expect.any(String) } } },
    ])
    await it.app.stop()
  }
})

test('E7: the JSON can be made although the clock throws', async () => {
  let isFaulty = false
  const clock = {
    now: () => {
      if (isFaulty) throw new Error('no time')
      return 1
    },
    setTimeout: () => 1,
    clearTimeout: () => undefined,
  }
  const app = createSupervisor({ id: 'app', clock, children: [child('a')] })
  await app.start()
  isFaulty = true
  const json = JSON.parse(JSON.stringify(app.ref.getSnapshot())) as SupervisorJson
  expect(json).toEqual({ status: 'active', phase: 'running', children: [expect.objectContaining({ id: 'a' })] })
  isFaulty = false
  await app.stop()
})
