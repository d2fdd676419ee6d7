// Random scenarios.
import { Random } from '../support/random.ts'
import type {
  Asked,
  By,
  Node,
  Outcome,
  Reason,
  Restart,
  Scenario,
  Shutdown,
  Step,
  Strategy,
  SupervisorNode,
  WorkerNode,
} from './scenario.ts'

const LEVELS = 3
const ROOT = 's0'
const REASONS: readonly Reason[] = ['normal', 'shutdown', 'shutdown(x)', 'boom', 'bad']
const OTHER_ENDS: readonly Asked[] = ['normal', 'shutdown(x)', 'boom', 'bad']
const STATIC: readonly Strategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']

/** The shutdown time of a worker that does not obey, in ms. Real time in Erlang. */
const SOON = 20
/** The shutdown time of a supervisor, in ms: long enough for children that obey, also on a busy machine. */
const BRIEF = 100
/** Longer than `BRIEF` in any case. */
const LATER = 400

/** The scenario of this index. The same seed and index give the same scenario. */
export function generate(seed: number, index: number): Scenario {
  return new Generator(new Random(seed, index)).scenario()
}

class Generator {
  readonly #random: Random
  readonly #supervisors: SupervisorNode[] = []
  /** The names of all children, by the name of their supervisor. */
  readonly #children = new Map<string, string[]>()
  readonly #workers = new Set<string>()
  /** Children whose starts are held so far. */
  readonly #held = new Set<string>()
  #lastSupervisor = -1
  #lastWorker = 0

  constructor(random: Random) {
    this.#random = random
  }

  scenario(): Scenario {
    const random = this.#random
    const root = this.#supervisor(1, 'never')
    const steps: Step[] = []
    if (random.chance(0.08)) steps.push(this.#scriptStep())
    if (random.chance(0.05)) steps.push(this.#holdStep())
    steps.push({ do: 'boot' })
    const length = random.between(2, 12)
    while (steps.length < length) {
      const kind = random.weighted({ held: 25, paused: 25, free: 50 })
      if (kind === 'held') steps.push(...this.#whileHeld())
      else if (kind === 'paused') steps.push(...this.#whilePaused())
      else steps.push(...this.#step(random.pick(this.#supervisors)))
    }
    return { root, steps }
  }

  #supervisor(level: number, parents: SupervisorNode['autoShutdown']): SupervisorNode {
    const random = this.#random
    this.#lastSupervisor += 1
    const name = `s${this.#lastSupervisor}`
    const strategy = random.chance(level === 1 ? 0.12 : 0.25) ? 'simple_one_for_one' : random.pick(STATIC)
    // Exclusion I10.
    const autoShutdown =
      strategy === 'simple_one_for_one' || random.chance(0.65)
        ? 'never'
        : random.pick(['any_significant', 'all_significant'] as const)
    const children: Node[] = []
    const count = strategy === 'simple_one_for_one' ? 1 : random.between(level === 1 ? 1 : 0, 4)
    for (let index = 0; index < count; index += 1) {
      const nested = strategy !== 'simple_one_for_one' && level < LEVELS && random.chance(level === 1 ? 0.4 : 0.25)
      children.push(nested ? this.#supervisor(level + 1, autoShutdown) : this.#worker(autoShutdown))
    }
    const isLeaf = children.every(({ type }) => type === 'worker')
    const node: SupervisorNode = {
      type: 'supervisor',
      name,
      ...this.#lifeIn(parents),
      shutdown: random.chance(0.2) ? random.pick<Shutdown>(['brutal_kill', 5_000, isLeaf ? BRIEF : 5_000]) : 'default',
      strategy,
      intensity: random.pick([0, 1, 1, 2, 3, 5, 10]),
      autoShutdown,
      children,
    }
    this.#supervisors.push(node)
    const isDynamic = strategy === 'simple_one_for_one'
    const own = isDynamic ? [] : children
    this.#children.set(
      name,
      own.map((child) => child.name),
    )
    return node.shutdown === BRIEF ? { ...node, children: children.map(slower) } : node
  }

  #lifeIn(autoShutdown: SupervisorNode['autoShutdown']): { restart: Restart; significant: boolean } {
    const random = this.#random
    const restart = random.pick<Restart>(['permanent', 'permanent', 'transient', 'temporary'])
    return { restart, significant: autoShutdown !== 'never' && restart !== 'permanent' && random.chance(0.7) }
  }

  #worker(autoShutdown: SupervisorNode['autoShutdown'], name = this.#newName()): WorkerNode {
    const random = this.#random
    const kind = random.weighted({ obey: 60, deaf: 16, ignore: 8, other: 16 })
    const asked = kind === 'other' ? random.pick(OTHER_ENDS) : kind
    const node: WorkerNode = {
      type: 'worker',
      name,
      ...this.#lifeIn(autoShutdown),
      asked,
      shutdown: this.#shutdownFor(asked),
    }
    this.#workers.add(name)
    return node
  }

  #shutdownFor(asked: Asked): Shutdown {
    const random = this.#random
    if (random.chance(0.12)) return 'brutal_kill'
    if (asked === 'ignore') return random.chance(0.2) ? 0 : SOON
    // An XState actor that cannot handle a shutdown gets time only if the specification gives a time.
    return asked === 'deaf' ? 'default' : random.pick<Shutdown>(['default', 'default', 'infinity', 5_000])
  }

  #newName(): string {
    this.#lastWorker += 1
    return `w${this.#lastWorker}`
  }

  #step(supervisor: SupervisorNode): Step[] {
    const random = this.#random
    const { name } = supervisor
    const kind = random.weighted({ death: 40, script: 8, stop: 5, operation: 35, view: 12 })
    switch (kind) {
      case 'death': {
        const death = this.#death(supervisor)
        return death === undefined ? [this.#view(name)] : [death]
      }
      case 'script':
        return [this.#scriptStep()]
      case 'stop':
        return [{ do: 'stop', supervisor: name, reason: random.pick(REASONS) }]
      case 'operation':
        return [this.#operation(supervisor)]
      case 'view':
        return [this.#view(name)]
    }
  }

  #view(supervisor: string): Step {
    return { do: this.#random.pick(['whichChildren', 'countChildren'] as const), supervisor }
  }

  #death({ name }: SupervisorNode, victim?: string): Step | undefined {
    const random = this.#random
    const children = this.#children.get(name) ?? []
    if (children.length === 0) return undefined
    const child = victim ?? random.pick(children)
    if (!this.#workers.has(child) || random.chance(0.25)) return { do: 'kill', child }
    return { do: 'end', child, reason: random.chance(0.5) ? 'boom' : random.pick(REASONS) }
  }

  #operation(supervisor: SupervisorNode, target?: string): Step {
    const random = this.#random
    const { name, strategy } = supervisor
    const isDynamic = strategy === 'simple_one_for_one'
    const children = this.#children.get(name) ?? []
    if (children.length === 0 || random.chance(isDynamic ? 0.5 : 0.25)) return this.#start(supervisor)
    const operation = random.weighted({ terminateChild: 40, restartChild: 25, deleteChild: 20, getChildSpec: 15 })
    return { do: operation, supervisor: name, child: target ?? this.#target(children), by: this.#by(isDynamic) }
  }

  #target(children: readonly string[]): string {
    return this.#random.chance(0.04) ? 'stranger' : this.#random.pick(children)
  }

  #by(isDynamic: boolean): By {
    const unusual = this.#random.chance(0.1)
    if (!isDynamic) return unusual ? 'ref' : 'id'
    return unusual ? 'id' : this.#random.pick<By>(['ref', 'ref', 'ref', 'first_ref'])
  }

  #start(supervisor: SupervisorNode): Step {
    const { name, strategy, autoShutdown, shutdown } = supervisor
    const random = this.#random
    const children = this.#children.get(name) ?? []
    if (strategy === 'simple_one_for_one') {
      const child = this.#newName()
      this.#workers.add(child)
      children.push(child)
      return { do: 'startInstance', supervisor: name, child }
    }
    const workers = children.filter((child) => this.#workers.has(child))
    if (workers.length > 0 && random.chance(0.35)) {
      const again = this.#worker(this.#claimed(autoShutdown), random.pick(workers))
      return { do: 'startChild', supervisor: name, spec: shutdown === BRIEF ? slower(again) : again }
    }
    // A supervisor with a brief shutdown time is killed before its children end.
    const canNest = shutdown !== BRIEF
    const fresh =
      canNest && random.chance(0.12)
        ? this.#supervisor(LEVELS, autoShutdown)
        : this.#worker(this.#claimed(autoShutdown))
    const spec = shutdown === BRIEF ? slower(fresh) : fresh
    children.push(spec.name)
    return { do: 'startChild', supervisor: name, spec }
  }

  /** Now and then a child is significant where it must not be (A12). */
  #claimed(autoShutdown: SupervisorNode['autoShutdown']): SupervisorNode['autoShutdown'] {
    return this.#random.chance(0.05) ? 'any_significant' : autoShutdown
  }

  #scriptStep(child = this.#anyChild()): Step {
    const random = this.#random
    const outcomes = Array.from({ length: random.between(1, 4) }, (): Outcome => this.#outcomeFor([child]))
    return { do: 'script', child, outcomes }
  }

  /** The outcome of the start of one of these children; which child it is depends on the trace. */
  #outcomeFor(children: Iterable<string>): Outcome {
    const random = this.#random
    const outcome = random.weighted({ error: 36, fails: 12, fails_late: 12, ignore: 20, dies: 15, finishes: 5 })
    const names = [...children]
    // Exclusion K12.
    if (outcome === 'ignore' && names.some((name) => this.#isDynamic(name))) {
      return random.pick(['error', 'fails', 'fails_late'] as const)
    }
    // While the supervisor of such a child handles the death, its parent must be idle.
    const isLonely = names.every((name) => this.#children.get(ROOT)?.includes(name) === true)
    return (outcome === 'dies' || outcome === 'finishes') && !isLonely ? 'error' : outcome
  }

  #isDynamic(child: string): boolean {
    return this.#supervisors.some(
      ({ name, strategy }) => strategy === 'simple_one_for_one' && this.#children.get(name)?.includes(child) === true,
    )
  }

  #anyChild(): string {
    const names = [...this.#children.values()].flat()
    return names.length === 0 ? 'stranger' : this.#random.pick(names)
  }

  #holdStep(): Step {
    return this.#hold(this.#anyChild())
  }

  #hold(child: string): Step {
    this.#held.add(child)
    return { do: 'hold', child }
  }

  /**
   * A start that takes so long that several events wait for the supervisor afterwards (D12 to D14, H01 to H06).
   */
  #whileHeld(): Step[] {
    const random = this.#random
    const supervisor = random.pick(this.#supervisors)
    const { name } = supervisor
    const children = this.#children.get(name) ?? []
    const steps: Step[] = []
    if (children.length === 0 || random.chance(0.25)) {
      const start = this.#start(supervisor)
      const child = start.do === 'startInstance' ? start.child : start.do === 'startChild' ? start.spec.name : ''
      steps.push(this.#hold(child), start)
    } else {
      // In a group the child that dies need not be the child whose restart takes long.
      const held = random.pick(children)
      steps.push(this.#hold(held))
      const victim = random.chance(0.7) ? held : random.pick(children)
      if (this.#workers.has(victim)) steps.push({ do: 'end', child: victim, reason: 'boom' })
      else steps.push({ do: 'stop', supervisor: victim, reason: 'bad' })
    }
    const count = random.between(1, 4)
    for (let index = 0; index < count; index += 1) {
      if (random.chance(0.12)) steps.push(this.#hold(random.pick(this.#children.get(name) ?? ['stranger'])))
      steps.push(...this.#step(supervisor))
    }
    steps.push({ do: 'release', outcome: random.chance(0.5) ? 'ok' : this.#outcomeFor(this.#held) })
    if (random.chance(0.3)) steps.push({ do: 'release', outcome: 'ok' })
    return steps
  }

  /**
   * Several events happen before the supervisor handles the first: deaths that it finds together, and calls between
   * them. Most are about one child, which may fail when it is started again (E2, E3).
   */
  #whilePaused(): Step[] {
    const random = this.#random
    const supervisor = random.pick(this.#supervisors)
    const { name, strategy } = supervisor
    const children = this.#children.get(name) ?? []
    const steps: Step[] = []
    if (strategy === 'simple_one_for_one' && children.length === 0) steps.push(this.#start(supervisor))
    const victim = children.length === 0 ? undefined : random.pick(children)
    if (victim !== undefined && random.chance(0.6)) steps.push(this.#scriptStep(victim))
    const isHeld = victim !== undefined && random.chance(0.2)
    if (isHeld) steps.push(this.#hold(random.pick(children)))
    steps.push({ do: 'pause', supervisor: name })
    const count = random.between(2, 5)
    for (let index = 0; index < count; index += 1) {
      const target = random.chance(0.6) ? victim : undefined
      const kind = random.weighted({ death: 42, operation: 33, view: 15, any: 10 })
      const death = kind === 'death' ? this.#death(supervisor, target) : undefined
      if (death !== undefined) steps.push(death)
      else if (kind === 'operation') steps.push(this.#operation(supervisor, target))
      else if (kind === 'view') steps.push(this.#view(name))
      else steps.push(...this.#step(supervisor))
    }
    steps.push({ do: 'resume' })
    if (!isHeld) return steps
    if (random.chance(0.5)) steps.push(...this.#step(supervisor))
    steps.push({ do: 'release', outcome: random.chance(0.5) ? 'ok' : this.#outcomeFor(this.#held) })
    return steps
  }
}

/** The time of its supervisor is over before its own. */
function slower(node: Node): Node {
  return node.type === 'worker' && node.asked === 'ignore' ? { ...node, shutdown: LATER } : node
}
