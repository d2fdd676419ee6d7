// Terrarium's side of the differential test.
import type { ActorRefFrom, AnyActorLogic, AnyActorRef, InspectionEvent } from 'xstate'
import {
  administrate,
  createSupervisor,
  IGNORE,
  supervisor,
  type StartContext,
  type StartResult,
  type SupervisorLogic,
} from '@terrarium/supervisor'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { briefLogic, exitReason, failingLogic, workerLogic } from './actors.ts'
import {
  isForPaused,
  parentsOf,
  scopeOf,
  supervisorsOf,
  type By,
  type Node,
  type Outcome,
  type Reason,
  type Scenario,
  type Step,
} from './scenario.ts'
import { optionsOf, specOf, type Making } from './terrarium-options.ts'
import { DynamicNames, Starts } from './terrarium-starts.ts'
import {
  bootText,
  childrenText,
  countsText,
  reasonText,
  refusalText,
  specText,
  startedText,
  treeText,
} from './terrarium-text.ts'
import { nameOf, type Observed, type Trace } from './trace.ts'

/**
 * Longer than the sum of all shutdown times that can pass in a step, much shorter than the period of the restart
 * window, in ms.
 */
const STEP_TIME = 30_000

/** Runs a scenario on Terrarium's supervisors. The counterpart is otp_runner.erl. */
export async function runTerrarium(scenario: Scenario): Promise<Trace> {
  return new Run(scenario).run()
}

interface Actors {
  readonly first: AnyActorRef
  readonly last: AnyActorRef
}

/** How actors end that end as soon as they are started. */
const ENDS: Readonly<Partial<Record<Outcome, Reason>>> = { dies: 'boom', finishes: 'normal' }

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
  /** The exit reasons that are recorded before the supervisor reports them, by label. */
  readonly #recorded = new Map<string, string>()
  readonly #starts = new Starts()
  readonly #names = new DynamicNames()
  readonly #results = new Map<number, string>()
  #events: string[] = []
  #paused: string | undefined
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
    for (let number = 0; number < steps.length; number += 1) {
      const last = this.#take(number)
      for (; number < last; number += 1) events.push([])
      if (number === steps.length) break
      await this.#clock.advance(STEP_TIME)
      events.push(this.#takeEvents())
    }
    this.#starts.hold(undefined)
    this.#starts.release('ok')
    await this.#clock.advance(STEP_TIME)
    const isDynamic = (label: string): boolean => this.#dynamic.has(nameOf(label))
    this.#results.set(steps.length, await treeText(this.#actors.get(root.name)?.last, this.#labelOf, isDynamic))
    events.push(this.#takeEvents())
    this.#stop(root.name, 'shutdown')
    await this.#clock.advance(STEP_TIME)
    events.push(this.#takeEvents())
    return events.map((each, number): Observed => ({ events: each, result: this.#results.get(number) ?? '' }))
  }

  /**
   * Takes a step, or all steps from a `pause` to its `resume`. Returns the number of the last step taken, which is past
   * the end if the supervisor is never resumed.
   */
  #take(number: number): number {
    const { steps } = this.#scenario
    const step = steps[number]
    if (step === undefined || !this.#isAllowed(step)) this.#results.set(number, 'skipped')
    else if (step.do !== 'pause') this.#perform(number, step)
    else if (this.#pause(number, step.supervisor)) {
      const resume = steps.findIndex((each, index) => index > number && each.do === 'resume')
      return resume === -1 ? steps.length : resume
    }
    return number
  }

  /**
   * Takes the steps up to the `resume` inside an event of the supervisor. Returns whether the supervisor lives.
   */
  #pause(number: number, supervisor: string): boolean {
    const actors = this.#actors.get(supervisor)
    if (actors === undefined || exitReasonOf(actors.last) !== undefined) {
      this.#results.set(number, actors === undefined ? 'absent' : 'gone')
      return false
    }
    const steps = [...this.#scenario.steps.entries()].slice(number + 1)
    const reply = (): void => {
      this.#results.set(number, 'ok')
      this.#paused = supervisor
      for (const [index, step] of steps) {
        if (isForPaused(step, supervisor, this.#parents)) this.#perform(index, step)
        else this.#results.set(index, 'skipped')
        if (step.do === 'resume') break
      }
      this.#paused = undefined
    }
    actors.last.send({ type: 'supervisor.call', call: { type: 'whichChildren' }, reply })
    if (!this.#results.has(number)) throw new Error(`${supervisor} was busy`)
    return true
  }

  /**
   * While a start is held, steps may involve only its supervisor and the children of that supervisor, and none while
   * the supervisor itself is being started: Erlang would run both at the same time, in no order.
   */
  #isAllowed(step: Step): boolean {
    const scope = scopeOf(step, this.#parents)
    const held = this.#starts.holder
    if (step.do === 'pause') return held === undefined
    if (scope === undefined || held === undefined) return true
    const holder = nameOf(held)
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
        this.#starts.script(step.child, step.outcomes)
        return
      case 'hold':
        this.#starts.hold(step.child)
        return
      case 'pause':
        return // see #take()
      case 'resume':
        this.#results.set(number, this.#paused === undefined ? 'nothing paused' : 'ok')
        return
      case 'release':
        this.#results.set(number, this.#starts.release(step.outcome))
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
      const app = createSupervisor({ ...optionsOf(root, this.#making), inspect })
      app.start().then(
        () => this.#results.set(number, 'ok'),
        (error: unknown) => this.#results.set(number, bootText(error)),
      )
    })
  }

  #withRunning(name: string, act: (ref: AnyActorRef) => void): string {
    const actors = this.#actors.get(name)
    if (actors === undefined) return 'absent'
    const { last } = actors
    if (exitReasonOf(last) !== undefined) return 'gone'
    act(last)
    const reason = this.#paused === undefined ? undefined : exitReasonOf(last)
    if (reason !== undefined) this.#recordExit(this.#labelOf(last), this.#labelOf(last._parent), reasonText(reason))
    return 'ok'
  }

  /** Records an exit that the supervisor has not noticed yet. */
  #recordExit(label: string, parent: string, reason: string): void {
    this.#events.push(`exit ${label} ${parent} ${reason}`)
    this.#recorded.set(label, reason)
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

  /** `undefined` if the child never had an actor. */
  #request(ref: AnyActorRef, step: Extract<Step, { supervisor: string }>): Promise<string> | undefined {
    const app = administrate(ref)
    const started = (made: AnyActorRef | undefined): string => startedText(made, this.#labelOf)
    switch (step.do) {
      case 'startChild':
        return app.startChild(specOf(step.spec, this.#making)).then(started)
      case 'startInstance':
        this.#names.expect(this.#labelOf(ref), step.child)
        return app.startChild().then(started)
      case 'whichChildren':
        return app
          .whichChildren()
          .then((children) => childrenText(children, this.#dynamic.has(step.supervisor), this.#livingLabelOf))
      case 'countChildren':
        return app.countChildren().then(countsText)
      case 'stop':
      case 'pause':
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

  readonly #making: Making = {
    clock: this.#clock,
    start: (node, context) => this.#startChild(node, context),
  }

  /** The start function of every child. */
  #startChild(node: Node, context: StartContext): StartResult<AnyActorLogic> | Promise<StartResult<AnyActorLogic>> {
    const parent = this.#labelOf(this.#actors.get(context.supervisor)?.last)
    const name = this.#dynamic.has(context.supervisor) ? this.#names.nameOf(parent, context.id) : node.name
    const come = (outcome: Outcome): StartResult<AnyActorLogic> => {
      const child = { name, parent, id: context.id }
      if (node.type === 'worker' && (outcome === 'fails' || outcome === 'fails_late')) {
        this.#events.push(`error ${name} ${parent}`)
        return failingLogic(outcome)
      }
      return this.#come(outcome, child, (label) => {
        // The supervisor notices after its current event.
        const end = node.type === 'supervisor' ? undefined : ENDS[outcome]
        if (end !== undefined) this.#recordExit(label, parent, end)
        return this.#logicFor(node, outcome)
      })
    }
    const next = this.#starts.next(name, parent)
    if (typeof next === 'string') return come(next)
    this.#events.push(`hold ${name} ${parent}`)
    return next.then(come)
  }

  #logicFor(node: Node, outcome: Outcome): AnyActorLogic {
    if (node.type === 'supervisor') return supervisor(optionsOf(node, this.#making))
    const end = ENDS[outcome]
    return end === undefined ? workerLogic(node.asked) : briefLogic(end)
  }

  #come<T>(
    outcome: Outcome,
    { name, parent, id }: { readonly name: string; readonly parent: string; readonly id: string },
    make: (label: string) => T,
  ): T | typeof IGNORE {
    if (outcome === 'ignore') {
      this.#events.push(`ignore ${name} ${parent}`)
      return IGNORE
    }
    if (outcome === 'error' || outcome === 'fails' || outcome === 'fails_late') {
      this.#events.push(`error ${name} ${parent}`)
      throw new Error('boom')
    }
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    const label = `${name}.${count}`
    this.#expected.set(`${nameOf(parent)}/${id}`, label)
    this.#events.push(`start ${label} ${parent}`)
    return make(label)
  }

  #created(event: InspectionEvent): void {
    if (event.type !== '@xstate.actor') return
    const ref = event.actorRef as AnyActorRef
    const key = `${ref._parent?.id ?? '-'}/${ref.id}`
    const label = this.#expected.get(key)
    if (label === undefined) return // this actor will fail before it is ready
    this.#expected.delete(key)
    const name = nameOf(label)
    this.#actors.set(name, { first: this.#actors.get(name)?.first ?? ref, last: ref })
    this.#labels.set(ref, label)
    if (!this.#supervisors.has(name)) return
    const actor = ref as ActorRefFrom<SupervisorLogic>
    actor.on('child.exit', ({ ref: child, reason }) => {
      const actor = this.#labels.get(child)
      const text = reasonText(reason)
      if (actor !== undefined && this.#recorded.get(actor) !== text) this.#events.push(`exit ${actor} ${label} ${text}`)
    })
    actor.on('supervisor.exit', ({ reason }) => {
      this.#starts.forget(label)
      if (name === this.#scenario.root.name) this.#events.push(`exit ${label} - ${reasonText(reason)}`)
    })
  }

  readonly #labelOf = (ref: unknown): string => this.#labels.get(ref) ?? '-'

  /** An actor that is dead without its supervisor having noticed is written as `dead`. */
  readonly #livingLabelOf = (ref: unknown): string => {
    const label = this.#labelOf(ref)
    return this.#recorded.has(label) ? 'dead' : label
  }

  #takeEvents(): readonly string[] {
    const events = this.#events
    this.#events = []
    return events
  }
}
