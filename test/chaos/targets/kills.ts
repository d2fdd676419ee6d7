// The target `kills`: random SIGKILLs of a pool.
import { join } from 'node:path'
import { readLog } from '@terrarium/process'
import type { Random } from '../../support/random.ts'
import { Decoys } from '../decoys.ts'
import { factsOf, membersOf, runOf, Subject } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Context, Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { isAlive, killAll, killTogether, strangers, type Being } from '../world.ts'

/** `host+shepherds` kills the guard process too, if there is one, in the same moment. */
const VICTIMS = ['host', 'worker', 'shepherd', 'host+worker', 'host+shepherd', 'host+shepherds'] as const
type Victims = (typeof VICTIMS)[number]

/** The phases in which the kill happens, and the longest delay after the host has entered it, in ms. */
const PHASES = { arming: 10, boot: 120, ready: 10, call: 20, restart: 150, stop: 60, sweep: 250 } as const
type Phase = keyof typeof PHASES

/** The time after the kill by which no process may be left, in ms. */
const PROMISE = 2_000
const WORKERS = 2
const EXPECTED = [/the shepherd has died/, /"level":(30|40)/]

/** The programs that descendants run, see `descendants.py`. */
const DESCENDANT = 'sleep 3600'

/** Random SIGKILLs at random moments, of a pool whose workers have descendants that try to get away. */
export const kills: Target = {
  name: 'kills',
  promise:
    'nothing is left 2 s after a SIGKILL; when host and shepherd are killed in one moment and the kernel contains nothing, no worker is, and no descendant after the next start',
  rounds: 1_000,
  byLevel: true,
  async run(context) {
    const decoys = new Decoys(context.python)
    const stateDir = context.folder()
    const left: number[] = []
    try {
      await context.play(async (number, random) => {
        const victims = random.pick(VICTIMS)
        const phase = random.pick(Object.keys(PHASES) as Phase[])
        if (phase === 'sweep') await leaveSomething(context, stateDir)
        const older = new Set(strangers(new Set(decoys.pids)).map(({ pid }) => pid))
        const host = startHost(context, stateDir)
        await new Round({ context, number, random, stateDir, decoys, victims, phase, host, older, left }).play()
      })
    } finally {
      await decoys.end({ all: true })
    }
    const escaped = left.reduce((sum, each) => sum + each, 0)
    if (left.length > 0) {
      context.note(`${escaped} descendants were left to the next start in ${left.length} rounds, as documented`)
    }
  },
}

function startHost({ level, python, folder }: Context, stateDir: string): Subject {
  return new Subject('host.js', [stateDir, python], level, folder())
}

/** A run whose host, shepherd and workers were killed. Its remains are there to be swept. */
async function leaveSomething(context: Context, stateDir: string): Promise<void> {
  const host = startHost(context, stateDir)
  await host.hear('ready')
  host.tell('call')
  await host.hear('calling')
  killTogether([host.pid, ...membersOf(runOf(stateDir, host.pid)).shepherds])
  await host.exited
}

const describe = ({ pid, command }: Being): string => `${pid} ${command}`

interface Plan {
  readonly context: Context
  readonly number: number
  readonly random: Random
  readonly stateDir: string
  readonly decoys: Decoys
  readonly victims: Victims
  readonly phase: Phase
  readonly host: Subject
  /** The remains of an older run. */
  readonly older: ReadonlySet<number>
  /** The number of descendants left to the next start, by round. */
  readonly left: number[]
}

class Round {
  readonly #context: Context
  readonly #number: number
  readonly #random: Random
  readonly #stateDir: string
  readonly #decoys: Decoys
  readonly #phase: Phase
  readonly #host: Subject
  readonly #older: ReadonlySet<number>
  readonly #left: number[]
  #victims: Victims
  #run: string | undefined

  constructor({ context, number, random, stateDir, decoys, victims, phase, host, older, left }: Plan) {
    this.#context = context
    this.#number = number
    this.#random = random
    this.#stateDir = stateDir
    this.#decoys = decoys
    this.#victims = victims
    this.#phase = phase
    this.#host = host
    this.#older = older
    this.#left = left
  }

  get #about(): string {
    return `${this.#victims} at ${this.#phase}`
  }

  async play(): Promise<void> {
    try {
      await this.#reach()
      this.#run = runOf(this.#stateDir, this.#host.pid)
      await this.#surround()
      const siblings = this.#strike()
      if (this.#victims.startsWith('host')) await this.#afterTheHost()
      else await this.#withTheHost(siblings)
      const ended = await this.#decoys.dead()
      this.#count({ innocents: ended.length }, `ended: ${ended.join('; ')}`)
    } catch (error) {
      throw new Error(`${this.#about}: ${(error as Error).message}\n${this.#host.story}`, { cause: error })
    } finally {
      if (!this.#host.isOver) killAll([this.#host.pid])
      await this.#decoys.end()
    }
  }

  /** Waits for the moment of the kill. */
  async #reach(): Promise<void> {
    const host = this.#host
    const phase = this.#phase
    if (phase === 'sweep') await host.hear('begun')
    else if (phase === 'arming') await host.hear('state', ({ state }) => state === 'spawning')
    else if (phase === 'boot') await host.hear('state', ({ state }) => state === 'awaitingReady')
    else {
      await host.hear('ready')
      // Half of the rounds have descendants.
      if (phase === 'call' || this.#random.chance(0.5)) {
        host.tell('call')
        await host.hear('calling')
      }
      if (phase === 'restart') {
        host.tell('crash')
        await host.hear('restarting')
      } else if (phase === 'stop') {
        host.tell('stop')
        await host.hear('stopping')
      }
    }
    await new Promise((resolve) => setTimeout(resolve, this.#random.next() * PHASES[phase]))
  }

  /** Adds decoys that look like this run. */
  async #surround(): Promise<void> {
    const spawn = this.#host.said.findLast(({ is }) => is === 'state')?.['spawn']
    if (this.#run === undefined || typeof spawn !== 'string') return
    await this.#decoys.resemble(factsOf(this.#stateDir, this.#run, spawn))
  }

  /** Returns the workers that were not killed. */
  #strike(): number[] {
    const { shepherds, workers } = membersOf(this.#run)
    const random = this.#random
    // A process that has not started yet cannot be killed.
    if (this.#victims === 'worker' && workers.length === 0) this.#victims = 'shepherd'
    if (this.#victims === 'shepherd' && shepherds.length === 0) this.#victims = 'host'
    // With a guard process there are two processes to choose from.
    const shepherd = shepherds.length > 0 ? [random.pick(shepherds)] : []
    const worker = workers.length > 0 ? [random.pick(workers)] : []
    const host = [this.#host.pid]
    const victims = {
      host,
      worker,
      shepherd,
      'host+worker': [...host, ...worker],
      'host+shepherd': [...host, ...shepherd],
      'host+shepherds': [...host, ...shepherds],
    }[this.#victims]
    // All in one moment, or one right after the other.
    if (random.chance(0.5)) killTogether(victims)
    else killAll(victims)
    return workers.filter((pid) => !victims.includes(pid))
  }

  /** The host is dead: no process of it may be left, and its log has every acknowledged reservation. */
  async #afterTheHost(): Promise<void> {
    await this.#host.exited
    const lost = await this.#lostReservations()
    this.#count({ lost: lost.length }, `not in the log: ${lost.join(', ')}`)
    // Counted before a sweep, which would hide what the death signals have missed.
    const descendants = await this.#leftAtOnce()
    if (this.#isPromisedAtOnce && this.#phase !== 'sweep') return
    if (!this.#isPromisedAtOnce) this.#left.push(descendants)
    await sweepWithNextHost(this.#context, this.#stateDir)
    await this.#noneLeft('after the next start')
  }

  /**
   * Whether anything is left to end descendants that have got away: the kernel, or the shepherd or guard process, which
   * a control group needs.
   */
  get #isPromisedAtOnce(): boolean {
    const { level } = this.#context
    if (level === 'pidns') return true
    return level === 'cgroup' ? this.#victims !== 'host+shepherds' : !this.#victims.includes('shepherd')
  }

  /** Counts what is left of this run 2 s after the kill. Returns how many descendants are left to the next start. */
  async #leftAtOnce(): Promise<number> {
    const ofThisRun = () => this.#strangers().filter(({ pid }) => !this.#older.has(pid))
    const mayStay = ({ command }: Being): boolean => !this.#isPromisedAtOnce && command === DESCENDANT
    await within(PROMISE, () => ofThisRun().every(mayStay))
    const left = ofThisRun()
    const orphans = left.filter((each) => !mayStay(each))
    this.#count({ orphans: orphans.length }, `2 s later: ${orphans.map(describe).join('; ')}`)
    killAll(orphans.map(({ pid }) => pid))
    return left.length - orphans.length
  }

  /**
   * The host lives: it has to replace the killed workers without touching other processes, and to leave no process when
   * it stops.
   */
  async #withTheHost(siblings: readonly number[]): Promise<void> {
    const host = this.#host
    if (this.#phase !== 'stop') {
      await host.hear('ready')
      const before = host.said.length
      host.tell('check')
      const { answer } = await host.hear('well', () => true, before)
      if (answer !== 42) throw new Error(`it answers ${String(answer)}`)
      const { workers } = membersOf(this.#run)
      this.#count({ duplicates: Math.max(0, workers.length - WORKERS) }, `${workers.length} workers`)
      if (this.#victims === 'worker' && (this.#phase === 'ready' || this.#phase === 'call')) {
        const ended = siblings.filter((pid) => !isAlive(pid))
        this.#count(
          { innocents: ended.length },
          `of its siblings ${siblings.join(', ')} was ended too: ${ended.join(', ')}`,
        )
      }
      host.tell('stop')
    }
    const { processesLeft } = await host.hear('stopped')
    await host.exited
    if (processesLeft !== 0) throw new Error(`it says that it has left ${String(processesLeft)} processes`)
    const errors = host.unexpected(EXPECTED)
    if (errors.length > 0) throw new Error(`unexpected errors: ${errors.join('\n')}`)
    await this.#noneLeft('after it has stopped')
  }

  async #noneLeft(when: string): Promise<void> {
    await within(PROMISE, () => this.#strangers().length === 0)
    const left = this.#strangers()
    this.#count({ orphans: left.length }, `${when}: ${left.map(describe).join('; ')}`)
    killAll(left.map(({ pid }) => pid))
  }

  #strangers() {
    return strangers(new Set(this.#decoys.pids))
  }

  /** Spawns that were acknowledged as reserved, had not exited, and are not in the log. */
  async #lostReservations(): Promise<string[]> {
    if (this.#run === undefined) return []
    const state = new Map<string, unknown>()
    for (const { is, spawn, state: to } of this.#host.said) {
      if (is === 'state' && typeof spawn === 'string') state.set(spawn, to)
    }
    const { reservations, damage } = await readLog(join(this.#stateDir, 'runs', this.#run, 'log'))
    if (damage.length > 0) throw new Error(`its log is damaged: ${damage.join('; ')}`)
    const known = new Set(reservations.map(({ spawn }) => spawn))
    const mayBeReleased = ['terminating', 'terminated']
    return [...state].flatMap(([spawn, to]) => (mayBeReleased.includes(String(to)) || known.has(spawn) ? [] : spawn))
  }

  #count(news: Parameters<Context['count']>[1], about = ''): void {
    this.#context.count(this.#number, news, `${this.#about}: ${about}`)
  }
}
