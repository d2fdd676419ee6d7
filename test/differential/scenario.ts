/** How an actor ends by itself. `boom` and `bad` are errors. */
export type Reason = 'normal' | 'shutdown' | 'shutdown(x)' | 'boom' | 'bad'

/**
 * What comes of a start. A worker that `dies` (of `boom`) or `finishes` has been started well, and does so at once;
 * supervisors do not. With `error` no actor is made; with `fails` and `fails_late` an actor is made that fails of
 * `boom` before it is ready: as soon as it is started, or later. To OTP these three are the same.
 */
export type Outcome = 'ok' | 'error' | 'fails' | 'fails_late' | 'ignore' | 'dies' | 'finishes'

export type Restart = 'permanent' | 'transient' | 'temporary'

/** `default`: none is given. In ms. */
export type Shutdown = number | 'infinity' | 'brutal_kill' | 'default'

/**
 * What a worker does when asked to end: it does, it does not, it cannot hear it and is ended, or it ends for another
 * reason.
 */
export type Asked = 'obey' | 'ignore' | 'deaf' | Exclude<Reason, 'shutdown'>

interface ChildNode {
  /** Its id. Unique in the tree, so that steps can name it. */
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
  /** Within a period so long that every restart counts; the arithmetic of the window is tested elsewhere. */
  readonly intensity: number
  readonly autoShutdown: 'never' | 'any_significant' | 'all_significant'
  /** For simple_one_for_one the one template. */
  readonly children: readonly Node[]
}

export type Node = WorkerNode | SupervisorNode

/** By what a child is addressed: its id, its last actor, or the first one it ever had. */
export type By = 'id' | 'ref' | 'first_ref'

export type Step =
  /** Start the tree. Only what prepares starts makes sense before it. */
  | { readonly do: 'boot' }
  /** What is to come of the next starts of a child. */
  | { readonly do: 'script'; readonly child: string; readonly outcomes: readonly Outcome[] }
  /**
   * The next start of this child does not return until it is released, and its supervisor can do nothing else
   * meanwhile. What is done to that supervisor and to its children waits in its queue; everything else is skipped. One
   * start at a time.
   */
  | { readonly do: 'hold'; readonly child: string }
  | { readonly do: 'release'; readonly outcome: Outcome }
  /**
   * Until `resume` this supervisor deals with nothing: what is done to it and to its children meanwhile waits in its
   * queue, as what happens inside one of its events does. Everything else is skipped. Not while a start is held.
   */
  | { readonly do: 'pause'; readonly supervisor: string }
  | { readonly do: 'resume' }
  /** A worker ends by itself. */
  | { readonly do: 'end'; readonly child: string; readonly reason: Reason }
  | { readonly do: 'kill'; readonly child: string }
  /** A supervisor is stopped, but not by its own supervisor. */
  | { readonly do: 'stop'; readonly supervisor: string; readonly reason: Reason }
  | { readonly do: 'startChild'; readonly supervisor: string; readonly spec: Node }
  /** Of the template; `child` names the new one. */
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

/** Every supervisor of the tree, those that are started later included. */
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

/** The supervisors that have to do with a step: one of them must be the one whose start is held, if there is one. */
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
 * Whether a step may be taken while this supervisor is paused, whose name is given. It stops by itself, others take
 * their time.
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
