// The demonstration of the three strategies, on a virtual clock: nothing waits in real time.
import { createSupervisor, type Supervisor, type SupervisorOptions } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { atNight } from './at-night.ts'
import { drainBeforeRestart } from './drain.ts'
import { failOver, standby } from './fail-over.ts'
import { part } from './part.ts'

const HOUR_MS = 3_600_000

/** Prints what happens to the children of a supervisor, when, and why. Starts it; the last step stops it. */
class Stage {
  readonly #clock = new VirtualClock()
  readonly #app: Supervisor
  #begin = 0

  constructor(title: string, options: Omit<SupervisorOptions, 'id' | 'clock'>) {
    this.#app = createSupervisor({ id: 'app', clock: this.#clock, random: () => 0, ...options })
    console.log(title)
  }

  async start(): Promise<void> {
    await this.#during(this.#app.start())
    this.#app.on('child.exit', ({ id, reason, because }) => {
      this.#tell(id, reason.type === 'error' ? 'crashes' : 'stops', because?.plan?.because)
    })
    this.#app.on('child.start', ({ id, because }) => {
      this.#tell(id, 'starts', because?.plan?.because)
    })
  }

  /** Crashes a child, and waits. */
  async crash(id: string, wait: number): Promise<void> {
    this.#begin = this.#clock.now()
    this.#app.child(id)?.send({ type: 'crash' })
    await this.#clock.advance(wait)
  }

  async wait(ms: number): Promise<void> {
    await this.#clock.advance(ms)
  }

  /** Stops everything without a word. */
  async stop(): Promise<void> {
    console.log(`  then ${this.#app.children.map(({ id, state }) => `${id} is ${state}`).join(', ')}`)
    this.#tell = () => undefined
    await this.#during(this.#app.stop())
  }

  #tell = (id: string, what: string, why?: string): void => {
    const seconds = ((this.#clock.now() - this.#begin) / 1_000).toFixed(1).padStart(4)
    console.log(`  ${seconds} s  ${id} ${what}${why === undefined ? '' : `: ${why}`}`)
  }

  async #during(work: Promise<void>): Promise<void> {
    await this.#clock.advance(10_000)
    await work
  }
}

export async function main(): Promise<number> {
  const draining = new Stage('drain before restart', {
    strategy: drainBeforeRestart,
    children: [
      { id: 'db', logic: part },
      { id: 'api', logic: part, dependsOn: ['db'], meta: { drains: true } },
      { id: 'web', logic: part, dependsOn: ['db'] },
    ],
  })
  await draining.start()
  await draining.crash('db', 10_000)
  await draining.stop()

  const failing = new Stage('fail over to a standby', {
    strategy: failOver({ primary: 'primary', standby: 'standby' }),
    children: [
      { id: 'primary', logic: part },
      { id: 'standby', logic: standby(part) },
    ],
  })
  await failing.start()
  await failing.crash('primary', 1_000)
  await failing.crash('primary', 1_000)
  await failing.stop()

  const nightly = new Stage('restart the tree at night only', {
    strategy: atNight({ from: 1, to: 5 }),
    children: [
      { id: 'db', logic: part },
      { id: 'api', logic: part },
    ],
  })
  await nightly.start()
  await nightly.wait(12 * HOUR_MS)
  await nightly.crash('api', 1_000)
  await nightly.wait(14 * HOUR_MS)
  await nightly.crash('api', 10_000)
  await nightly.stop()
  return 0
}
