/** How an actor ends by itself. `boom` and `bad` are errors. */
export type Reason = 'normal' | 'shutdown' | 'shutdown(x)' | 'boom' | 'bad'

/**
 * The outcome of a start. A worker that `dies` (of `boom`) or `finishes` starts well and ends at once; supervisors do
 * not have these outcomes. With `error` no actor is made; with `fails` and `fails_late` an actor is made that fails of
 * `boom` before it is ready: as soon as it is started, or later. To OTP these three are the same.
 */
export type Outcome = 'ok' | 'error' | 'fails' | 'fails_late' | 'ignore' | 'dies' | 'finishes'

export type Restart = 'permanent' | 'transient' | 'temporary'

/** In ms; `default` if none is given. */
export type Shutdown = number | 'infinity' | 'brutal_kill' | 'default'

/**
 * What a worker does when it is asked to end: it obeys, it does not, it cannot handle the request, or it ends for
 * another reason.
 */
export type Asked = 'obey' | 'ignore' | 'deaf' | Exclude<Reason, 'shutdown'>

interface ChildNode {
  /** The id of the child. Unique in the tree, so that steps can name it. */
  readonly name: string
  readonly restart: Restart
  readonly shutdown: Shutdown
  readonly significant: boolean
}

export interface WorkerNode extends ChildNode {
  readonly type: 'worker'
  readonly asked: Asked
}

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one'

export interface SupervisorNode extends ChildNode {
  readonly type: 'supervisor'
  readonly strategy: Strategy
  /** The period is so long that every restart counts. Other tests cover the arithmetic of the window. */
  readonly intensity: number
  readonly autoShutdown: 'never' | 'any_significant' | 'all_significant'
  /** For simple_one_for_one the template. */
  readonly children: readonly Node[]
}

export type Node = WorkerNode | SupervisorNode

/** How a child is addressed: by its id, its last actor, or its first actor. */
export type By = 'id' | 'ref' | 'first_ref'

export type Step =
  /** Start the tree. Before it only steps that prepare starts make sense. */
  | { readonly do: 'boot' }
  /** Sets the outcomes of the next starts of a child. */
  | { readonly do: 'script'; readonly child: string; readonly outcomes: readonly Outcome[] }
  /**
   * Holds the next start of this child until `release`; its supervisor can do nothing else meanwhile. Steps on that
   * supervisor and its children wait in its queue; all other steps are skipped. One start is held at a time.
   */
  | { readonly do: 'hold'; readonly child: string }
  | { readonly do: 'release'; readonly outcome: Outcome }
  /**
   * Until `resume` this supervisor handles nothing: steps on it and its children wait in its queue, as events within an
   * event do. All other steps are skipped. Not while a start is held.
   */
  | { readonly do: 'pause'; readonly supervisor: string }
  | { readonly do: 'resume' }
  /** A worker ends by itself. */
  | { readonly do: 'end'; readonly child: string; readonly reason: Reason }
  | { readonly do: 'kill'; readonly child: string }
  /** A supervisor is stopped, but not by its own supervisor. */
  | { readonly do: 'stop'; readonly supervisor: string; readonly reason: Reason }
  | { readonly do: 'startChild'; readonly supervisor: string; readonly spec: Node }
  /** Starts a child from the template; `child` is its name. */
  | { readonly do: 'startInstance'; readonly supervisor: string; readonly child: string }
  | {
      readonly do: 'terminateChild' | 'restartChild' | 'deleteChild' | 'getChildSpec'
      readonly supervisor: string
      readonly child: string
      readonly by: By
    }
  | { readonly do: 'whichChildren' | 'countChildren'; readonly supervisor: string }

export interface Scenario {
  readonly root: SupervisorNode
  readonly steps: readonly Step[]
}

/** The name of every actor's supervisor; the root has none. */
export function parentsOf({ root, steps }: Scenario): ReadonlyMap<string, string> {
  const parents = new Map<string, string>()
  const enter = (node: Node, parent: string): void => {
    parents.set(node.name, parent)
    if (node.type === 'supervisor') for (const child of node.children) enter(child, node.name)
  }
  for (const child of root.children) enter(child, root.name)
  for (const step of steps) {
    if (step.do === 'startChild') enter(step.spec, step.supervisor)
    else if (step.do === 'startInstance') parents.set(step.child, step.supervisor)
  }
  return parents
}

/** Every supervisor of the tree, supervisors that are started later included. */
export function supervisorsOf({ root, steps }: Scenario): SupervisorNode[] {
  const found: SupervisorNode[] = []
  const enter = (node: Node): void => {
    if (node.type === 'worker') return
    found.push(node)
    node.children.forEach(enter)
  }
  enter(root)
  for (const step of steps) if (step.do === 'startChild') enter(step.spec)
  return found
}

/** Whether every tree could be started; a child that is started later may be refused. */
export function isValid(scenario: Scenario): boolean {
  return supervisorsOf(scenario).every(({ autoShutdown, children }) =>
    children.every(({ significant, restart }) => !significant || (autoShutdown !== 'never' && restart !== 'permanent')),
  )
}

/** The supervisors that a step involves. If a start is held, its supervisor must be among them. */
export function scopeOf(step: Step, parents: ReadonlyMap<string, string>): readonly string[] | undefined {
  switch (step.do) {
    case 'boot':
    case 'script':
    case 'hold':
    case 'release':
    case 'pause':
    case 'resume':
      return undefined
    case 'end':
    case 'kill':
      return only(parents.get(step.child))
    case 'stop':
      return [step.supervisor, ...only(parents.get(step.supervisor))]
    default:
      return [step.supervisor]
  }
}

/**
 * Whether a step may be taken while the supervisor of this name is paused: it must go through the queue of that
 * supervisor.
 */
export function isForPaused(step: Step, paused: string, parents: ReadonlyMap<string, string>): boolean {
  switch (step.do) {
    case 'script':
    case 'hold':
    case 'resume':
      return true
    case 'boot':
    case 'release':
    case 'pause':
      return false
    case 'end':
    case 'kill':
      return parents.get(step.child) === paused
    default:
      return step.supervisor === paused
  }
}

const only = (name: string | undefined): string[] => (name === undefined ? [] : [name])
