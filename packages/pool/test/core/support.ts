// A pool's core with a shell that only records effects. The test plays the workers: it gives each answer when it wants.
import type { FailureInfo } from '@terrarium/supervisor'
import { TerrariumError } from '@terrarium/supervisor/base'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { Call } from '../../src/core/call.ts'
import { dispatch } from '../../src/core/dispatch.ts'
import type { Effect } from '../../src/core/effect.ts'
import type { PoolCoreEvent } from '../../src/core/event.ts'
import type { Priority } from '../../src/core/lanes.ts'
import type { Slot } from '../../src/core/slot.ts'
import { createState, type PoolState, type Settings } from '../../src/core/state.ts'

export interface Asked {
  readonly timeout?: number
  readonly idempotent?: boolean
  /** Of its arguments, in bytes. */
  readonly size?: number
  readonly priority?: Priority
}

/** How a call was settled: the code of its error, or `value`. */
export type Told = Map<Call, string>

export class Stand {
  readonly clock = new VirtualClock()
  readonly state: PoolState
  /** Every effect, in order. */
  readonly effects: Effect[] = []
  readonly told: Told = new Map()
  /** Whether the workers report begun calls. */
  reportsBegun = false
  readonly #timers = new Map<number, unknown>()

  constructor(settings: Partial<Settings> = {}) {
    this.state = createState({
      pool: 'p',
      hasHandle: true,
      size: 1,
      concurrency: 1,
      queueLimit: 10,
      maxDeaths: 3,
      cancelGrace: 100,
      drainTimeout: 5_000,
      sessionLimit: 1_000,
      ...settings,
    })
  }

  /** A pool that has started, with a ready worker in each slot. */
  static started(settings: Partial<Settings> = {}, asyncTools: readonly string[] = []): Stand {
    const stand = new Stand(settings)
    stand.tell({ type: 'pool.start' })
    stand.tell({ type: 'pool.opened' })
    for (const { id } of stand.state.slots) stand.ready(id, asyncTools)
    return stand
  }

  /**
   * As {@link started}, with workers that report begun calls, which have run a call of each of these tools in a
   * millisecond.
   */
  static async reporting(settings: Partial<Settings> = {}, tools: readonly string[] = ['short']): Promise<Stand> {
    const stand = new Stand(settings)
    stand.reportsBegun = true
    stand.tell({ type: 'pool.start' })
    stand.tell({ type: 'pool.opened' })
    for (const { id } of stand.state.slots) stand.ready(id)
    for (const tool of tools) await stand.run(tool, 1)
    stand.effects.length = 0
    return stand
  }

  /** A call that takes `ms` ms. */
  async run(tool: string, ms: number, asked: Asked = {}): Promise<Call> {
    const call = this.call(tool, asked)
    await this.clock.advance(ms)
    this.answer(call)
    return call
  }

  tell(event: PoolCoreEvent): void {
    const effects: Effect[] = []
    dispatch(this.state, event, this.clock.now(), effects)
    for (const effect of effects) {
      this.effects.push(effect)
      this.#carryOut(effect)
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'settle':
        if (this.told.has(effect.call)) throw new Error('settled twice')
        this.told.set(effect.call, effect.error?.code ?? 'value')
        return
      case 'refuse':
        this.told.set(effect.call, `refused: ${effect.error.code}`)
        return
      case 'watch': {
        const { call } = effect
        this.clock.setTimeout(() => {
          this.tell({ type: 'call.expired', call })
        }, call.timeout ?? 0)
        this.tell({ type: 'call.watched' })
        return
      }
      case 'setTimer': {
        const { timer } = effect
        const fire = (): void => {
          this.#timers.delete(timer)
          this.tell({ type: 'pool.timer', timer })
        }
        this.#timers.set(timer, this.clock.setTimeout(fire, effect.delay))
        return
      }
      case 'clearTimer':
        this.clock.clearTimeout(this.#timers.get(effect.timer))
        this.#timers.delete(effect.timer)
        return
      default: // the test looks at the rest
    }
  }

  slot(id = 'worker-1'): Slot {
    const slot = this.state.slots.find((each) => each.id === id)
    if (slot === undefined) throw new Error(`no slot ${id}`)
    return slot
  }

  /** The next incarnation in the slot becomes ready. */
  ready(worker = 'worker-1', asyncTools: readonly string[] = []): void {
    const incarnation = this.slot(worker).incarnation + 1
    this.tell({ type: 'worker.started', worker, incarnation })
    const tools = asyncTools.map((name) => ({ name, isAsync: true, isStream: false, summary: '' }))
    const { reportsBegun } = this
    this.tell({ type: 'worker.ready', worker, incarnation, pid: 1_000 + incarnation, tools, reportsBegun })
  }

  /** The worker of a slot exits. */
  crash(worker = 'worker-1', unbegun: readonly Call[] = []): void {
    const { incarnation } = this.slot(worker)
    const error = new TerrariumError('WORKER_CRASHED', `worker p/${worker} died`)
    const reason = { type: 'error', error } as const
    this.tell({ type: 'worker.exited', worker, incarnation, reason, unbegun: new Set(unbegun) })
  }

  park(worker = 'worker-1', error: unknown = missingModule()): void {
    const { incarnation } = this.slot(worker)
    this.tell({ type: 'worker.parked', worker, incarnation, failure: failureOf(error) })
  }

  call(tool: string, { timeout, idempotent = false, size = 0, priority = 'normal' }: Asked = {}): Call {
    const call = new Call(tool, { timeout, idempotent, priority })
    call.size = size
    this.tell({ type: 'call.offered', call, isWatched: timeout !== undefined })
    return call
  }

  answer(call: Call, value: unknown = null): void {
    this.tell({ type: 'call.answered', call, outcome: { value } })
  }

  /** The worker gives back a call that it has not begun. */
  giveBack(call: Call): void {
    const error = new TerrariumError('CANCELLED', 'given back')
    this.tell({ type: 'call.answered', call, outcome: { error, notBegun: true } })
  }

  /** The calls that workers were asked to give back if they have not begun. */
  get recalled(): Call[] {
    return this.of('cancel').flatMap(({ call, unlessBegun }) => (unlessBegun ? [call] : []))
  }

  /** What was sent so far, as `tool to worker-1`. */
  get sent(): string[] {
    return this.of('send').map(({ call, slot }) => `${call.tool} to ${slot.id}`)
  }

  get kills(): string[] {
    return this.of('kill').map(({ error }) => error.message)
  }

  of<TType extends Effect['type']>(type: TType): Extract<Effect, { readonly type: TType }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { readonly type: TType }> => effect.type === type)
  }
}

/** Makes `count` calls of the tool. */
export const calls = (pool: Stand, count: number, tool = 'short', asked: Asked = {}): Call[] =>
  Array.from({ length: count }, () => pool.call(tool, asked))

/** How many calls are ahead of each worker. */
export const aheadOf = (pool: Stand): number[] => pool.state.slots.map(({ ahead }) => ahead)

export const missingModule = (): TerrariumError =>
  new TerrariumError('CONFIGURATION', 'no module named numpy', { details: { watch: ['/lib'] } })

export const failureOf = (error: unknown): FailureInfo => ({
  error,
  class: 'configuration',
  fingerprint: 'f',
  phase: 'start',
  attempts: 1,
  at: 0,
})
