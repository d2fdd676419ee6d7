import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { AnyActorLogic, AnyActorRef } from 'xstate'
import {
  supervisor,
  type ChildCounts,
  type ChildInfo,
  type ChildSpec,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import { bench, child, obedient, slow, stubborn, type Bench } from './support.ts'
import '../../../test/support/no-stacks.mjs'

const boom = new Error('boom')
const IDS = ['a', 'b', 'c', 'd']

/** Longer than all shutdown times of a tree together, in ms. */
const LONGEST_STOP = 60_000

/** A supervisor, and its children as seen only through the actors that its system makes. */
class World {
  readonly it: Bench
  readonly #kind: 'static' | 'dynamic' | 'simple_one_for_one'
  readonly #mode: 'default' | 'otp'
  /** Every child so far. */
  readonly #made = new Set<AnyActorRef>()
  /** Starts that fail from now on. */
  failing = 0
  /** What the next starts wait for. */
  held: (() => void)[] = []
  isHolding = false
  /** Done once, in the middle of the supervisor's next event. */
  meanwhile: (() => void) | undefined
  #interruptions = 0

  constructor(options: Partial<SupervisorOptions>, specs: readonly Partial<ChildSpec>[]) {
    const { strategy, mode = 'default' } = options
    this.#kind = strategy === 'dynamic' || strategy === 'simple_one_for_one' ? strategy : 'static'
    this.#mode = mode
    const children = specs.map((spec, index) => this.spec(IDS[index] ?? '', spec))
    this.it = bench({
      ...options,
      children: this.#kind === 'dynamic' ? [] : this.#kind === 'static' ? children : children.slice(0, 1),
      inspect: (event) => {
        const ref = event.actorRef as AnyActorRef
        if (event.type === '@xstate.actor' && ref._parent?._parent === undefined && ref._parent !== undefined) {
          this.#made.add(ref)
        }
      },
    })
    this.it.app.on('child.exit', () => {
      const { meanwhile } = this
      if (meanwhile === undefined) return
      this.meanwhile = undefined
      this.#interruptions += 1
      meanwhile()
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
    return [...this.#made].filter((ref) => exitReasonOf(ref) === undefined)
  }

  /**
   * Asks for the counts, whatever the supervisor is doing, and compares. Calls that have waited together are dealt with
   * together, and answered when the actors have been stopped and made that were to be before: what is still to be
   * stopped or made when the children are counted may be counted or not. If a step of the story comes in between,
   * nothing can be compared.
   */
  ask(): void {
    let counted: { listed: readonly ChildInfo[]; living: AnyActorRef[]; interruptions: number } | undefined
    const look = (): void => {
      counted = { listed: this.it.app.children, living: this.living, interruptions: this.#interruptions }
    }
    const call = {
      type: 'countChildren',
      /** Read when the children are counted. */
      get isOver() {
        look()
        return (ref: AnyActorRef): boolean => exitReasonOf(ref) !== undefined
      },
    }
    const reply = ({ value }: { value?: ChildCounts }): void => {
      if (value === undefined || counted === undefined) return // the supervisor has ended
      const { listed, living, interruptions } = counted
      if (interruptions !== this.#interruptions) return
      const supervisors = listed.filter(({ type }) => type === 'supervisor').length
      const workers = listed.length - supervisors
      const specs = this.#kind === 'simple_one_for_one' ? 1 : listed.length
      const active = this.#nearest(value.active, living, this.living)
      this.answers.push([value, { specs, active, supervisors, workers }])
    }
    this.it.app.ref.send({ type: 'supervisor.call', call, reply } as never)
  }

  /**
   * What `active` must be, given the actors that are alive when the children are counted and when the answer is given.
   */
  #nearest(active: number, before: readonly AnyActorRef[], after: readonly AnyActorRef[]): number {
    // In OTP a dynamic child is active until its supervisor has heard of its end (J15).
    if (this.#kind !== 'static' && this.#mode === 'otp') return active
    const all = new Set([...before, ...after])
    const least = before.length + after.length - all.size
    return Math.min(Math.max(active, least), all.size)
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
      .tuple(fc.constantFrom('terminateChild', 'restartChild', 'deleteChild', 'park', 'unpark'), fc.nat(9))
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

test('E4: `active` counts the children whose actors are alive, between events and during them', async () => {
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
      await clock.advance(LONGEST_STOP)
      await stopped
      expect(world.living).toEqual([])
    }),
    { numRuns: 300 },
  )
  expect(compared).toBeGreaterThan(1_000)
})
