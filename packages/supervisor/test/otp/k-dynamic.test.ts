import { expect, test } from '@jest/globals'
import { createActor, createMachine, fromTransition, type AnyActorLogic, type AnyActorRef } from 'xstate'
import { createSupervisor, exitWith, IGNORE, supervisor, type ChildSpec, type ExitReason } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, idle, obedient, refusal, stubborn, type Bench } from '../support.ts'

const KILLED: ExitReason = { type: 'killed' }
const boom = new Error('boom')

/** A logic whose state is its input. */
const keeper = fromTransition(
  (state: unknown) => state,
  ({ input }) => input,
)
const stateOf = (ref: AnyActorRef | undefined): unknown => (ref?.getSnapshot() as { context?: unknown }).context

const worker = (id: string, more: Partial<ChildSpec> = {}): ChildSpec => child(id, { logic: idle, ...more })

/** simple_one_for_one. */
async function templated(template: Partial<ChildSpec> = {}, intensity = 1): Promise<Bench> {
  const children = [worker('job', template)]
  const it = bench({ mode: 'otp', strategy: 'simple_one_for_one', intensity, children })
  await it.app.start()
  return it
}

/** Elixir's DynamicSupervisor. */
async function dynamic(options: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const it = bench({ mode: 'otp', strategy: 'dynamic', ...options })
  await it.app.start()
  return it
}

async function started(promise: Promise<AnyActorRef | undefined>): Promise<AnyActorRef> {
  const ref = await promise
  if (ref === undefined) throw new Error('ignored')
  return ref
}

async function fail(it: Bench, ref: AnyActorRef, reason = KILLED): Promise<void> {
  await it.clock.advance(10)
  exit(ref, reason)
  await it.clock.advance(0)
}

/** Nothing is left of the supervisor. */
async function over(it: Bench): Promise<void> {
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
}

/** A logic function that does this at its first start, that at its second, … and `idle` for ever after. */
function script(...acts: (() => unknown)[]): { readonly starts: () => number; readonly logic: ChildSpec['logic'] } {
  let starts = 0
  return {
    starts: () => starts,
    logic: () => {
      const act = acts[starts]
      starts += 1
      return (act === undefined ? idle : act()) as AnyActorLogic
    },
  }
}

const raise = (): never => {
  throw boom
}

const thrown = (): never => {
  // oxlint-disable-next-line typescript/only-throw-error -- OTP's throw(Term)
  throw 'not an error'
}

/** Ends during its start. */
const ending = (reason: ExitReason): AnyActorLogic =>
  createMachine({ initial: 'over', states: { over: { type: 'final' } }, output: () => exitWith(reason) })

const NO_CHILD = { specs: 0, active: 0, supervisors: 0, workers: 0 }

test('K01 simple_one_for_one takes exactly one template, and starts no child at boot', async () => {
  const details: unknown = expect.objectContaining({ reason: 'bad_start_spec' })
  const fault = { code: 'INVALID_ARGUMENT', details }
  for (const children of [[], [worker('a'), worker('b')]]) {
    const options = { id: 'app', mode: 'otp', strategy: 'simple_one_for_one', children } as const
    expect(() => createSupervisor(options)).toThrow(expect.objectContaining(fault))
    expect(() => supervisor(options)).toThrow(expect.objectContaining(fault))
  }
  const it = await templated()
  expect(it.take('child.start')).toEqual([])
  expect(await it.app.whichChildren()).toEqual([])
  expect(await it.app.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 0 })
  await it.app.startChild()
  await it.app.startChild()
  expect(await it.app.countChildren()).toMatchObject({ specs: 1, active: 2, workers: 2 })
  await over(it)
})

test('K02 the input given to startChild is laid over the template’s', async () => {
  const it = await templated({ logic: keeper, input: { base: 1, both: 'template' } })
  expect(stateOf(await it.app.startChild({ extra: 2, both: 'extra' }))).toEqual({ base: 1, extra: 2, both: 'extra' })
  expect(stateOf(await it.app.startChild())).toEqual({ base: 1, both: 'template' })
  await over(it)
})

test('K03 extraInput is laid under the input of every child, also when it is restarted', async () => {
  const it = await dynamic({ extraInput: { x: 1, both: 'extra' } })
  const merged = { x: 1, y: 2, both: 'own' }
  const first = await started(it.app.startChild(worker('a', { logic: keeper, input: { y: 2, both: 'own' } })))
  expect(stateOf(first)).toEqual(merged)
  await fail(it, first)
  const [{ ref: second } = {}] = await it.app.whichChildren()
  expect(second).not.toBe(first)
  expect(stateOf(second)).toEqual(merged)
  await over(it)
})

test('K04 an instance that has failed is restarted with the same input as a new actor', async () => {
  const it = await templated({ logic: keeper, input: { base: 1 } })
  const first = await started(it.app.startChild({ extra: 2 }))
  const other = await started(it.app.startChild({ extra: 3 }))
  await fail(it, first)
  const listed = await it.app.whichChildren()
  expect(listed).toHaveLength(2)
  const second = listed.find(({ ref }) => ref !== other)
  expect(second).toMatchObject({ id: first.id, state: 'running', incarnation: 2 })
  expect(second?.ref).not.toBe(first)
  expect(stateOf(second?.ref)).toEqual({ base: 1, extra: 2 })
  await over(it)
})

test('K05 children of a template have no id to address them by', async () => {
  const it = await templated()
  const ref = await started(it.app.startChild())
  const of = (id: string): Promise<unknown>[] => [
    it.app.terminateChild(id),
    it.app.restartChild(id),
    it.app.deleteChild(id),
  ]
  for (const id of ['job', ref.id, 'unknown']) {
    expect(await Promise.all(of(id).map(refusal))).toEqual(Array(3).fill('simple_one_for_one'))
  }
  expect(await refusal(it.app.restartChild(ref))).toBe('simple_one_for_one')
  expect(await refusal(it.app.deleteChild(ref))).toBe('simple_one_for_one')
  await it.app.terminateChild(ref)
  expect(await it.app.whichChildren()).toEqual([])
  await over(it)
})

test('K06 terminateChild with the ref of a foreign actor, and with the last ref of a child', async () => {
  const stranger = createActor(idle).start()
  const kinds = [
    { it: await templated(), start: (it: Bench) => it.app.startChild(), ofDead: undefined },
    { it: await dynamic(), start: (it: Bench) => it.app.startChild(worker('a')), ofDead: 'not_found' },
  ]
  for (const { it, start, ofDead } of kinds) {
    const terminated = async (ref: AnyActorRef): Promise<unknown> => {
      const done = it.app.terminateChild(ref)
      return ofDead === undefined ? done : refusal(done)
    }
    expect(await refusal(it.app.terminateChild(stranger))).toBe('not_found')
    const a = await started(start(it))
    await it.app.terminateChild(a)
    expect(await terminated(a)).toBe(ofDead)
    // Nor is the next incarnation stopped by means of the one before it.
    const b = await started(start(it))
    await fail(it, b)
    expect(await terminated(b)).toBe(ofDead)
    expect(await it.app.whichChildren()).toMatchObject([{ id: b.id, state: 'running', incarnation: 2 }])
    await over(it)
  }
  expect(stranger.getSnapshot().status).toBe('active')
  stranger.stop()
})

test('K07 whichChildren lists dynamic children by their refs; their ids are made up', async () => {
  const kinds = [
    { it: await templated(), start: (it: Bench) => it.app.startChild() },
    { it: await dynamic(), start: (it: Bench) => it.app.startChild(worker('job')) },
  ]
  for (const { it, start } of kinds) {
    const refs = [await started(start(it)), await started(start(it)), await started(start(it))]
    const listed = await it.app.whichChildren()
    expect(new Set(listed.map(({ ref }) => ref))).toEqual(new Set(refs))
    expect(new Set(listed.map(({ id }) => id)).size).toBe(3)
    for (const each of listed) expect(each).toMatchObject({ type: 'worker', state: 'running', incarnation: 1 })
    for (const { id } of listed) expect(await refusal(it.app.terminateChild(id))).not.toBeUndefined()
    expect(await it.app.countChildren()).toMatchObject({ active: 3 })
    await over(it)
  }
})

test('K08 a child whose start is ignored is not kept, whatever its restart type', async () => {
  for (const restart of ['permanent', 'transient', 'temporary'] as const) {
    const spec = worker('a', { restart, logic: () => IGNORE })
    const [simple, many] = [await templated(spec), await dynamic()]
    expect(await simple.app.startChild()).toBeUndefined()
    expect(await many.app.startChild(spec)).toBeUndefined()
    for (const it of [simple, many]) {
      expect(await it.app.whichChildren()).toEqual([])
      expect(it.take('child.start', 'supervisor.exit')).toEqual([])
      await over(it)
    }
  }
})

test('K09 a child that cannot be started rejects with its error, and is not kept', async () => {
  const acts: [() => unknown, unknown][] = [
    [() => Promise.reject(boom), boom],
    [() => 'junk', expect.any(Error)],
    [raise, boom],
    [thrown, 'not an error'],
    [() => fromTransition((state) => state, raise), boom],
    [() => ending({ type: 'error', error: boom }), boom],
    [() => ending(KILLED), expect.any(Error)],
  ]
  for (const [act, cause] of acts) {
    const spec = worker('a', { logic: () => act() as AnyActorLogic, ready: () => false })
    const [simple, many] = [await templated(spec), await dynamic()]
    const refused = { code: 'START_FAILED', details: { supervisor: 'app' }, cause }
    await expect(simple.app.startChild()).rejects.toMatchObject(refused)
    await expect(many.app.startChild(spec)).rejects.toMatchObject(refused)
    for (const it of [simple, many]) {
      await it.clock.advance(1_000)
      expect(await it.app.whichChildren()).toEqual([])
      expect(it.take('child.restart', 'supervisor.exit')).toEqual([])
      await over(it)
    }
  }
})

test('K10 maxChildren counts restarting children too', async () => {
  const none = await dynamic({ maxChildren: 0 })
  expect(await refusal(none.app.startChild(worker('a')))).toBe('max_children')
  await over(none)

  const it = await dynamic({ maxChildren: 2, intensity: 1_000 })
  const { logic } = script(() => idle, ...Array<() => never>(10).fill(raise))
  const a = await started(it.app.startChild(worker('a', { logic })))
  await started(it.app.startChild(worker('b')))
  expect(await refusal(it.app.startChild(worker('c')))).toBe('max_children')
  await it.clock.advance(10)
  exit(a, KILLED)
  expect(it.app.children).toMatchObject([{ state: 'restarting' }, { state: 'running' }])
  expect(await refusal(it.app.startChild(worker('c')))).toBe('max_children')
  await it.app.terminateChild(a)
  await started(it.app.startChild(worker('c')))
  expect(await it.app.countChildren()).toMatchObject({ specs: 2, active: 2 })
  await over(it)
})

test('K11 dynamic children may share an id, and need one', async () => {
  const it = await dynamic()
  const a = await started(it.app.startChild(worker('a')))
  expect(await it.app.startChild(worker('a'))).not.toBe(a)
  expect(await it.app.countChildren()).toMatchObject({ specs: 2, active: 2 })

  // Both operations are refused while the supervisor is busy with another child.
  let release: ((logic: AnyActorLogic) => void) | undefined
  const held = new Promise<AnyActorLogic>((resolve) => (release = resolve))
  const blocked = it.app.startChild(worker('held', { logic: () => held }))
  const refused: unknown[] = []
  const note = (reason: unknown): void => void refused.push(reason)
  const nameless = refusal(it.app.startChild({ logic: idle } as ChildSpec)).then(note)
  const significant = worker('b', { restart: 'transient', significant: true })
  const special = refusal(it.app.startChild(significant)).then(note)
  await it.clock.advance(0)
  const early = [...refused]
  release?.(idle)
  await Promise.all([blocked, nameless, special])
  expect(refused).toEqual(['missing_id', 'invalid_significant'])
  expect(early).toEqual(refused)
  await over(it)
})

test('K12 a restart that fails is tried again, counts each time, and ends when it is ignored', async () => {
  const { logic, starts } = script(
    () => idle,
    raise,
    raise,
    () => IGNORE,
  )
  const it = await dynamic({ intensity: 3 })
  const a = await started(it.app.startChild(worker('a', { logic })))
  await it.clock.advance(10)
  exit(a, KILLED)
  expect([starts(), it.state(a.id)]).toEqual([2, 'restarting'])
  await it.clock.advance(0)
  expect([starts(), it.state(a.id)]).toEqual([4, 'absent'])
  expect(await it.app.countChildren()).toEqual(NO_CHILD)
  await over(it)

  // Until it is started its last ref is its name.
  const other = await dynamic({ intensity: 1_000 })
  const failing = script(() => idle, ...Array<() => never>(10).fill(raise))
  const b = await started(other.app.startChild(worker('b', { logic: failing.logic })))
  await other.clock.advance(10)
  exit(b, KILLED)
  expect(await other.app.getChildSpec(b)).toMatchObject({ id: 'b' })
  await other.app.terminateChild(b)
  const tried = failing.starts()
  await other.clock.advance(1_000)
  expect(failing.starts()).toBe(tried)
  expect(await other.app.countChildren()).toEqual(NO_CHILD)
  await over(other)

  // The third attempt is one too many.
  const strict = await dynamic({ intensity: 2 })
  const hopeless = script(() => idle, raise, raise, raise)
  const c = await started(strict.app.startChild(worker('c', { logic: hopeless.logic })))
  await fail(strict, c)
  expect(hopeless.starts()).toBe(3)
  expect(strict.events.at(-1)).toMatchObject({ type: 'supervisor.exit', reason: { type: 'shutdown' } })
  expect(strict.clock.pending).toBe(0)
})

test('K13 dynamic children are stopped all at once, each within its own shutdown time', async () => {
  const it = await dynamic()
  const deadlines: [string, Partial<ChildSpec>][] = [
    ['deaf', { logic: idle }],
    ['brutal', { logic: stubborn, shutdown: 'brutal_kill' }],
    ['quick', { logic: stubborn, shutdown: 100 }],
    ['polite', { logic: obedient, shutdown: 100 }],
    ['slow', { logic: stubborn, shutdown: 300 }],
    ['patient', { logic: obedient, shutdown: 'infinity' }],
  ]
  for (const [id, more] of deadlines) await it.app.startChild(worker(id, more))
  const exits: [string, string, number][] = []
  it.app.on('child.exit', ({ id, reason }) => exits.push([id, reason.type, it.elapsed()]))
  const stopped = it.app.stop()
  await it.clock.advance(300)
  await stopped
  exits.sort(([one], [other]) => one.localeCompare(other))
  expect(exits).toEqual([
    ['brutal:2', 'killed', 0],
    ['deaf:1', 'shutdown', 0],
    ['patient:6', 'shutdown', 0],
    ['polite:4', 'shutdown', 0],
    ['quick:3', 'killed', 100],
    ['slow:5', 'killed', 300],
  ])
  expect(it.clock.pending).toBe(0)
})

test('K14 a dynamic child that fails before it is ready again is known by the actor that last was ready', async () => {
  const kinds = [
    { make: templated, start: (it: Bench) => it.app.startChild() },
    { make: () => dynamic({ intensity: 1_000 }), start: (it: Bench, spec: ChildSpec) => it.app.startChild(spec) },
  ]
  for (const { make, start } of kinds) {
    let starts = 0
    /** Is ready in its first life; later ones end before they are. */
    const logic = (): AnyActorLogic => {
      starts += 1
      return starts === 1 ? obedient : ending({ type: 'error', error: boom })
    }
    const spec = worker('job', { logic, ready: ({ status }: { status: string }) => status === 'active' })
    const it = await (make === templated ? templated(spec, 1_000) : make())
    const ref = await started(start(it, spec))
    await it.clock.advance(10)
    exit(ref, KILLED)
    await it.app.whichChildren() // and the first attempt has failed again
    expect(it.app.children).toMatchObject([{ state: 'restarting' }])
    const last = it.events.flatMap((event) => (event.type === 'child.exit' ? [event.ref] : [])).at(-1)
    expect(last).not.toBe(ref)
    expect(await it.app.getChildSpec(ref)).toMatchObject({ id: 'job' })
    await it.app.terminateChild(ref)
    const before = starts
    await it.clock.advance(1_000)
    expect([starts, it.app.children]).toEqual([before, []])
    await over(it)
  }
})
