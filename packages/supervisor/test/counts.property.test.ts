import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { AnyActorLogic, AnyActorRef } from 'xstate'
import {
  exit,
  exitReasonOf,
  supervisor,
  type ChildCounts,
  type ChildSpec,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { bench, child, obedient, slow, stubborn, type Bench } from './support.ts'

const boom = new Error('boom')
const IDS = ['a', 'b', 'c', 'd']

/** A supervisor and what is known of its children from nothing but its events and their actors. */
class World {
  readonly it: Bench
  readonly #kind: 'static' | 'dynamic' | 'simple_one_for_one'
  readonly #mode: 'default' | 'otp'
  /** Started and not ended, as the events have it. */
  readonly #known = new Set<AnyActorRef>()
  /** Starts that fail from now on. */
  failing = 0
  /** What the next starts wait for. */
  held: (() => void)[] = []
  isHolding = false
  /** Done once, in the middle of the supervisor's next event. */
  meanwhile: (() => void) | undefined

  constructor(options: Partial<SupervisorOptions>, specs: readonly Partial<ChildSpec>[]) {
    const { strategy, mode = 'default' } = options
    this.#kind = strategy === 'dynamic' || strategy === 'simple_one_for_one' ? strategy : 'static'
    this.#mode = mode
    const children = specs.map((spec, index) => this.spec(IDS[index] ?? '', spec))
    this.it = bench({
      ...options,
      children: this.#kind === 'dynamic' ? [] : this.#kind === 'static' ? children : children.slice(0, 1),
    })
    this.it.app.on('child.start', ({ ref }) => this.#known.add(ref))
    this.it.app.on('child.exit', ({ ref }) => {
      this.#known.delete(ref)
      const { meanwhile } = this
      this.meanwhile = undefined
      meanwhile?.()
    })
  }

  spec(id: string, more: Partial<ChildSpec>): ChildSpec {
    const { logic: own = obedient } = more
    const logic = (): AnyActorLogic | Promise<AnyActorLogic> => {
      if (this.failing > 0) {
        this.failing -= 1
        throw boom
      }
      if (!this.isHolding) return own as AnyActorLogic
      this.isHolding = false
      return new Promise((resolve) => {
        this.held.push(() => {
          resolve(own as AnyActorLogic)
        })
      })
    }
    return { ...slow(id), ...more, logic, ...(own === obedient ? {} : { ready: undefined as never }) }
  }

  get living(): AnyActorRef[] {
    return [...this.#known].filter((ref) => exitReasonOf(ref) === undefined)
  }

  expected({ active }: ChildCounts): ChildCounts {
    const { children } = this.it.app
    // In OTP a dynamic child is active until its supervisor has heard of its end (J15).
    const trusts = this.#kind !== 'static' && this.#mode === 'otp'
    const supervisors = children.filter(({ type }) => type === 'supervisor').length
    return {
      specs: this.#kind === 'simple_one_for_one' ? 1 : children.length,
      active: trusts ? active : this.living.length,
      supervisors,
      workers: children.length - supervisors,
    }
  }

  /** Asks for the counts, whatever the supervisor is doing, and compares when it answers. */
  ask(): void {
    const isOver = (ref: AnyActorRef): boolean => exitReasonOf(ref) !== undefined
    const reply = ({ value }: { value?: ChildCounts }): void => {
      if (value !== undefined) this.answers.push([value, this.expected(value)]) // else it has ended
    }
    this.it.app.ref.send({ type: 'supervisor.call', call: { type: 'countChildren', isOver }, reply } as never)
  }
  readonly answers: [unknown, unknown][] = []
}

type Step = (world: World) => unknown

const pick = (world: World, n: number): AnyActorRef | undefined => world.living[n % Math.max(1, world.living.length)]
const address = ({ it }: World, n: number): string | AnyActorRef => {
  const { children } = it.app
  const { id, ref } = children[n % Math.max(1, children.length)] ?? {}
  return it.app.ref.getSnapshot().child('a') !== undefined || ref === undefined ? (id ?? 'a') : ref
}

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.nat(9).map(
      (n): Step =>
        (world) =>
          pick(world, n)?.send({ type: 'throw', error: boom }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.nat(9).map(
      (n): Step =>
        (world) =>
          pick(world, n)?.send({ type: 'ready' }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(9).map(
      (n): Step =>
        (world) =>
          pick(world, n)?.send({ type: 'end', reason: { type: 'normal' } }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(9).map((n): Step => (world) => {
      const ref = pick(world, n)
      if (ref !== undefined) exit(ref, { type: 'killed' })
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('terminateChild', 'restartChild', 'deleteChild', 'unpark'), fc.nat(9))
      .map(([operation, n]): Step => (world) => {
        world.it.app[operation](address(world, n) as never).catch(() => undefined)
      }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...IDS).map((id): Step => (world) => {
      world.it.app.startChild(world.spec(id, { awaitReady: false })).catch(() => undefined)
    }),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 3 }).map(
      (n): Step =>
        (world) =>
          (world.failing = n),
    ),
  },
  { weight: 1, arbitrary: fc.constant((world: World) => (world.isHolding = true)) },
  { weight: 2, arbitrary: fc.constant((world: World) => world.held.shift()?.()) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, 1, 100, 1_000, 40_000).map(
      (ms): Step =>
        ({ it }) =>
          it.clock.advance(ms),
    ),
  },
)

const aSpec = fc.record({
  restart: fc.constantFrom<ChildSpec['restart'][]>('permanent', 'transient', 'temporary'),
  awaitReady: fc.constant(false),
  shutdown: fc.constantFrom<ChildSpec['shutdown'][]>(50, 'brutal_kill'),
  logic: fc.constantFrom<AnyActorLogic>(obedient, stubborn, supervisor({ id: 'sub', children: [child('x')] })),
})

const aWorld = fc
  .record({
    mode: fc.constantFrom('default' as const, 'otp' as const),
    strategy: fc.constantFrom(
      ...(['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one', 'dynamic'] as const),
    ),
    specs: fc.array(aSpec, { minLength: 1, maxLength: 3 }),
  })
  .map(
    ({ specs, ...options }) =>
      () =>
        new World({ intensity: 200, ...options }, specs as never),
  )

test('E4: whatever happens, active are the children whose actors are alive: between events, and in the middle of them', async () => {
  let compared = 0
  await fc.assert(
    fc.asyncProperty(aWorld, fc.array(fc.tuple(aStep, fc.boolean()), { maxLength: 30 }), async (make, story) => {
      const world = make()
      const { app, clock } = world.it
      void app.start().catch(() => undefined)
      await clock.advance(10)
      const isOver = (): boolean => app.ref.getSnapshot().status !== 'active'
      for (const [step, isInside] of story) {
        if (isOver()) break
        if (isInside) world.meanwhile ??= () => void step(world)
        else await step(world)
        if (isOver()) break
        world.ask()
      }
      world.failing = 0
      world.isHolding = false
      for (let more = world.held.shift(); more !== undefined; more = world.held.shift()) {
        more()
        await clock.advance(100)
      }
      if (!isOver()) world.ask()
      for (const [value, expected] of world.answers) expect(value).toEqual(expected)
      compared += world.answers.length
      const stopped = app.stop()
      await clock.advance(100)
      await stopped
      expect(world.living).toEqual([])
    }),
    { numRuns: 300 },
  )
  expect(compared).toBeGreaterThan(1_000)
})
