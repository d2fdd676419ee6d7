// A real supervisor on a virtual clock, for the conformance suites.
import type { AnyActorRef } from 'xstate'
import { createSupervisor, type Supervisor } from '../handle.ts'
import type { ChildInfo } from '../spec/child-info.ts'
import type { SupervisorOptions } from '../spec/options.ts'
import type { RestartType } from '../spec/spec.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import { ensure, show } from './suite.ts'

/** In ms: longer than any shutdown takes. */
const LONG = 60_000
/** In ms: later than any timer. */
const LATEST = 2 ** 31
const MOST_ROUNDS = 100

/** A supervisor on trial, with a record of the starts and exits of its children. */
export class Trial {
  readonly clock = new VirtualClock()
  readonly app: Supervisor
  /** `start a`, `exit a`, … */
  readonly moves: string[] = []
  readonly refs: AnyActorRef[] = []
  /** When the last actor was started. */
  startedAt = 0
  #isStopped = false
  readonly #restartTypes: ReadonlyMap<string, RestartType>

  constructor(options: Omit<SupervisorOptions, 'id' | 'clock'>) {
    const onFault = (): void => undefined // the suite itself says what the plug-in does wrong
    const common = { id: 'suite', clock: this.clock, random: () => 0.5, crashLoop: 'off', onFault } as const
    this.app = createSupervisor({ ...common, ...options })
    this.#restartTypes = new Map(options.children?.map(({ id, restart = 'permanent' }) => [id, restart]))
    this.app.on('child.start', ({ id, ref }) => {
      this.moves.push(`start ${id}`)
      this.refs.push(ref)
      this.startedAt = this.clock.now()
    })
    this.app.on('child.exit', ({ id }) => this.moves.push(`exit ${id}`))
  }

  get starts(): number {
    return this.refs.length
  }

  get hasEnded(): boolean {
    return this.app.ref.getSnapshot().status !== 'active'
  }

  child(id: string): ChildInfo | undefined {
    return this.app.children.find((each) => each.id === id)
  }

  restartTypeOf(id: string): RestartType {
    return this.#restartTypes.get(id) ?? 'permanent'
  }

  /** Waits until the next failure of a child does not count as a short life. */
  async start(): Promise<void> {
    await this.app.start()
    await this.clock.advance(10)
  }

  /** Lets all happen that is due, however late. */
  async settle(): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS && this.clock.pending > 0; round += 1) await this.clock.advance(LATEST)
  }

  async fail(id: string): Promise<void> {
    this.child(id)?.ref?.send({ type: 'fail' })
    await this.clock.advance(0)
  }

  /** Runs `action` while the supervisor is about to answer its next failure. */
  meanwhile(act: () => void): void {
    const listener = (): void => {
      this.app.off('child.exit', listener)
      act()
    }
    this.app.on('child.exit', listener)
  }

  async stop(when: string): Promise<void> {
    void this.app.stop().then(() => {
      this.#isStopped = true
    })
    await this.clock.advance(0)
    if (!this.#isStopped) await this.clock.advance(LONG)
    ensure(this.#isStopped, 'stop() must resolve', () => `it has not within ${LONG} ms, ${when}`)
    const rule = 'nothing must be left after stop()'
    const { pending } = this.clock
    ensure(pending === 0, rule, () => `${pending} timers wait, ${when}`)
    const living = this.refs.filter((ref) => isActive(ref)).map(({ id }) => id)
    ensure(living.length === 0, rule, () => `${show(living)} are alive, ${when}`)
  }

  /** Runs `body` and stops everything afterwards, so that nothing reaches the next test. */
  async run(when: string, body: () => Promise<void>): Promise<void> {
    try {
      await this.start()
      await body()
    } catch (error) {
      await this.stop(when).catch(() => undefined)
      throw error
    }
    await this.stop(when)
  }
}

export function isActive(ref: AnyActorRef | undefined): boolean {
  return (ref?.getSnapshot() as { status?: unknown } | undefined)?.status === 'active'
}
