import type { ActorRefFrom, AnyActorLogic, AnyActorRef, InspectionEvent } from 'xstate'
import {
  administrate,
  createSupervisor,
  exit,
  exitReasonOf,
  IGNORE,
  supervisor,
  VirtualClock,
  type ChildSpec,
  type StartContext,
  type StartResult,
  type SupervisorLogic,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { briefLogic, exitReason, workerLogic } from './actors.ts'
import {
  parentsOf,
  scopeOf,
  supervisorsOf,
  type By,
  type Node,
  type Outcome,
  type Reason,
  type Scenario,
  type Step,
  type SupervisorNode,
} from './scenario.ts'
import { bootText, childrenText, countsText, reasonText, refusalText, specText, startedText } from './terrarium-text.ts'
import { nameOf, type Observed, type Trace } from './trace.ts'

/**
 * Longer than all shutdown times together that can run out in a step, much shorter than the period of the restart
 * window. In ms.
 */
const STEP_TIME = 30_000
const PERIOD = 3_600_000

/** Runs a scenario on our own supervisors. The counterpart is otp_runner.erl. */
export async function runTerrarium(scenario: Scenario): Promise<Trace> {
  return new Run(scenario).run()
}

interface Actors {
  readonly first: AnyActorRef
  readonly last: AnyActorRef
}

interface Held {
  readonly supervisor: string
  readonly release: (outcome: Outcome) => void
}

class Run {
  readonly #scenario: Scenario
  readonly #parents: ReadonlyMap<string, string>
  readonly #supervisors: ReadonlySet<string>
  readonly #dynamic: ReadonlySet<string>
  readonly #clock = new VirtualClock()
  readonly #actors = new Map<string, Actors>()
  readonly #labels = new Map<unknown, string>()
  /** How often each name was started. */
  readonly #counts = new Map<string, number>()
  /** The label of the actor that is about to be made, by supervisor and actor id. */
  readonly #expected = new Map<string, string>()
  /** Those that are over as soon as they are started, and why. */
  readonly #brief = new Map<string, Reason>()
  readonly #script = new Map<string, Outcome[]>()
  /**
   * The names of dynamic children: those that are still to be started by a supervisor, and those that were, by actor
   * id.
   */
  readonly #names = new Map<string, { readonly waiting: string[]; readonly given: Map<string, string> }>()
  readonly #results = new Map<number, string>()
  #events: string[] = []
  #hold: string | undefined
  #held: Held | undefined
  #booted = false

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#parents = parentsOf(scenario)
    const supervisors = supervisorsOf(scenario)
    this.#supervisors = new Set(supervisors.map(({ name }) => name))
    this.#dynamic = new Set(
      supervisors.flatMap(({ name, strategy }) => (strategy === 'simple_one_for_one' ? [name] : [])),
    )
  }

  async run(): Promise<Trace> {
    const { root, steps } = this.#scenario
    const events: (readonly string[])[] = []
    for (const [number, step] of steps.entries()) {
      if (this.#isAllowed(step)) this.#perform(number, step)
      else this.#results.set(number, 'skipped')
      await this.#clock.advance(STEP_TIME)
      events.push(this.#take())
    }
    this.#hold = undefined
    this.#release('ok')
    await this.#clock.advance(STEP_TIME)
    this.#results.set(steps.length, await this.#tree(this.#actors.get(root.name)?.last))
    events.push(this.#take())
    this.#stop(root.name, 'shutdown')
    await this.#clock.advance(STEP_TIME)
    events.push(this.#take())
    return events.map((each, number): Observed => ({ events: each, result: this.#results.get(number) ?? '' }))
  }

  /**
   * While a start is held only its supervisor and that one's children can be dealt with, and not even they while the
   * supervisor is being started by another one: in Erlang both would deal with what comes of it at the same time, in no
   * order.
   */
  #isAllowed(step: Step): boolean {
    const scope = scopeOf(step, this.#parents)
    if (scope === undefined || this.#held === undefined) return true
    const holder = nameOf(this.#held.supervisor)
    return scope.includes(holder) && !this.#isBeingStarted(holder)
  }

  #isBeingStarted(supervisor: string): boolean {
    const snapshot = this.#actors.get(supervisor)?.last.getSnapshot() as { phase?: string } | undefined
    return snapshot?.phase === 'starting' && supervisor !== this.#scenario.root.name
  }

  #perform(number: number, step: Step): void {
    switch (step.do) {
      case 'boot':
        this.#boot(number)
        return
      case 'script':
        this.#script.set(step.child, [...step.outcomes])
        return
      case 'hold':
        this.#hold = step.child
        return
      case 'release':
        this.#results.set(number, this.#release(step.outcome))
        return
      case 'end':
        this.#results.set(
          number,
          this.#withRunning(step.child, (ref) => {
            ref.send({ type: 'end', reason: step.reason })
          }),
        )
        return
      case 'kill':
        this.#results.set(
          number,
          this.#withRunning(step.child, (ref) => {
            exit(ref, { type: 'killed' })
          }),
        )
        return
      case 'stop':
        this.#results.set(number, this.#stop(step.supervisor, step.reason))
        return
      default:
        this.#call(number, step)
    }
  }

  #boot(number: number): void {
    if (this.#booted) {
      this.#results.set(number, 'skipped')
      return
    }
    this.#booted = true
    const { root } = this.#scenario
    this.#come('ok', { name: root.name, parent: '-', id: root.name }, () => {
      const inspect = (event: InspectionEvent): void => {
        this.#created(event)
      }
      const app = createSupervisor({ ...this.#options(root), inspect })
      app.start().then(
        () => this.#results.set(number, 'ok'),
        (error: unknown) => this.#results.set(number, bootText(error)),
      )
    })
  }

  #withRunning(name: string, act: (ref: AnyActorRef) => void): string {
    const actors = this.#actors.get(name)
    if (actors === undefined) return 'absent'
    if (exitReasonOf(actors.last) !== undefined) return 'gone'
    act(actors.last)
    return 'ok'
  }

  #stop(name: string, reason: Reason): string {
    return this.#withRunning(name, (ref) => {
      ref.send({ type: 'supervisor.shutdown', reason: exitReason(reason) })
    })
  }

  #call(number: number, step: Extract<Step, { supervisor: string }>): void {
    const actors = this.#actors.get(step.supervisor)
    const answer = actors === undefined ? undefined : this.#request(actors.last, step)
    if (answer === undefined) {
      this.#results.set(number, 'absent')
      return
    }
    void answer
      .catch((error: unknown) => refusalText(error, this.#labelOf))
      .then((text) => this.#results.set(number, text))
  }

  /** `undefined` if there never was an actor to address. */
  #request(ref: AnyActorRef, step: Extract<Step, { supervisor: string }>): Promise<string> | undefined {
    const app = administrate(ref)
    const started = (made: AnyActorRef | undefined): string => startedText(made, this.#labelOf)
    switch (step.do) {
      case 'startChild':
        return app.startChild(this.#specOf(step.spec)).then(started)
      case 'startInstance':
        this.#namesIn(this.#labelOf(ref)).waiting.push(step.child)
        return app.startChild().then(started)
      case 'whichChildren':
        return app
          .whichChildren()
          .then((children) => childrenText(children, this.#dynamic.has(step.supervisor), this.#livingLabelOf))
      case 'countChildren':
        return app.countChildren().then(countsText)
      case 'stop':
        return undefined
      default: {
        const child = this.#address(step.child, step.by)
        if (child === undefined) return undefined
        if (step.do === 'getChildSpec') return app.getChildSpec(child).then(specText)
        if (step.do === 'restartChild') return app.restartChild(child).then(started)
        return app[step.do](child).then(() => 'ok')
      }
    }
  }

  #address(name: string, by: By): string | AnyActorRef | undefined {
    if (by === 'id') return name
    return this.#actors.get(name)?.[by === 'ref' ? 'last' : 'first']
  }

  #options(node: SupervisorNode): SupervisorOptions {
    const { name, strategy, intensity, autoShutdown, children } = node
    return {
      id: name,
      mode: 'otp',
      strategy,
      intensity,
      period: PERIOD,
      autoShutdown,
      children: children.map((child) => this.#specOf(child)),
      clock: this.#clock,
    }
  }

  #specOf(node: Node): ChildSpec {
    const { name, restart, shutdown, significant, type } = node
    return {
      id: name,
      logic: (context) => this.#startChild(node, context),
      restart,
      significant,
      type,
      ...(shutdown === 'default' ? {} : { shutdown }),
    }
  }

  /** The start function of every child. */
  #startChild(node: Node, context: StartContext): StartResult<AnyActorLogic> | Promise<StartResult<AnyActorLogic>> {
    const parent = this.#labelOf(this.#actors.get(context.supervisor)?.last)
    const name = this.#dynamic.has(context.supervisor) ? this.#nameFor(parent, context.id) : node.name
    const come = (outcome: Outcome): StartResult<AnyActorLogic> =>
      this.#come(outcome, { name, parent, id: context.id }, (label) => this.#logicFor(node, label, outcome))
    if (this.#hold !== name || this.#held !== undefined) return come(this.#nextOutcome(name))
    this.#hold = undefined
    this.#events.push(`hold ${name} ${parent}`)
    return new Promise<Outcome>((resolve) => {
      this.#held = { supervisor: parent, release: resolve }
    }).then(come)
  }

  #release(outcome: Outcome): string {
    const held = this.#held
    if (held === undefined) return 'nothing held'
    this.#held = undefined
    held.release(outcome)
    return 'ok'
  }

  #nextOutcome(name: string): Outcome {
    return this.#script.get(name)?.shift() ?? 'ok'
  }

  #logicFor(node: Node, label: string, outcome: Outcome): AnyActorLogic {
    if (node.type === 'supervisor') return supervisor(this.#options(node))
    if (outcome !== 'dies' && outcome !== 'finishes') return workerLogic(node.asked)
    const reason = outcome === 'dies' ? 'boom' : 'normal'
    // Its supervisor notices when it has finished what it is doing.
    this.#brief.set(label, reason)
    return briefLogic(reason)
  }

  #come<T>(
    outcome: Outcome,
    { name, parent, id }: { readonly name: string; readonly parent: string; readonly id: string },
    make: (label: string) => T,
  ): T | typeof IGNORE {
    if (outcome === 'error' || outcome === 'ignore') {
      this.#events.push(`${outcome} ${name} ${parent}`)
      if (outcome === 'ignore') return IGNORE
      throw new Error('boom')
    }
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    const label = `${name}.${count}`
    this.#expected.set(`${nameOf(parent)}/${id}`, label)
    this.#events.push(`start ${label} ${parent}`)
    const made = make(label)
    const brief = this.#brief.get(label)
    if (brief !== undefined) this.#events.push(`exit ${label} ${parent} ${brief}`)
    return made
  }

  #namesIn(supervisor: string) {
    let names = this.#names.get(supervisor)
    if (names === undefined) this.#names.set(supervisor, (names = { waiting: [], given: new Map() }))
    return names
  }

  /** A dynamic child gets its name with its first start, in the order in which they were asked for. */
  #nameFor(supervisor: string, id: string): string {
    const { waiting, given } = this.#namesIn(supervisor)
    const name = given.get(id) ?? waiting.shift() ?? '?'
    given.set(id, name)
    return name
  }

  #created(event: InspectionEvent): void {
    if (event.type !== '@xstate.actor') return
    const ref = event.actorRef as AnyActorRef
    const label = this.#expected.get(`${ref._parent?.id ?? '-'}/${ref.id}`)
    if (label === undefined) return
    const name = nameOf(label)
    this.#actors.set(name, { first: this.#actors.get(name)?.first ?? ref, last: ref })
    this.#labels.set(ref, label)
    if (!this.#supervisors.has(name)) return
    const actor = ref as ActorRefFrom<SupervisorLogic>
    actor.on('child.exit', ({ ref: child, reason }) => {
      const actor = this.#labelOf(child)
      const text = reasonText(reason)
      if (this.#brief.get(actor) !== text) this.#events.push(`exit ${actor} ${label} ${text}`)
    })
    actor.on('supervisor.exit', ({ reason }) => {
      if (this.#held?.supervisor === label) this.#held = undefined
      if (name === this.#scenario.root.name) this.#events.push(`exit ${label} - ${reasonText(reason)}`)
    })
  }

  readonly #labelOf = (ref: unknown): string => this.#labels.get(ref) ?? '-'

  /** Nobody knows the name of one that is dead without its supervisor having noticed. */
  readonly #livingLabelOf = (ref: unknown): string => {
    const label = this.#labelOf(ref)
    return this.#brief.has(label) ? 'dead' : label
  }

  async #tree(ref: AnyActorRef | undefined): Promise<string> {
    if (ref === undefined || exitReasonOf(ref) !== undefined) return '-'
    const children = await administrate(ref).whichChildren()
    const label = this.#labelOf(ref)
    const nested = children.filter(({ type }) => type === 'supervisor').reverse()
    const trees: string[] = []
    for (const child of nested) if (child.ref !== undefined) trees.push(`; ${await this.#tree(child.ref)}`)
    return `${label}: ${childrenText(children, this.#dynamic.has(nameOf(label)), this.#labelOf)}${trees.join('')}`
  }

  #take(): readonly string[] {
    const events = this.#events
    this.#events = []
    return events
  }
}
