// Scenarios in Erlang's syntax.
import { parentsOf, scopeOf, type Node, type Scenario, type Step } from './scenario.ts'

/** A scenario as an Erlang term in one line, for otp_runner.erl. */
export function encode(scenario: Scenario, index: number): string {
  const parents = parentsOf(scenario)
  const steps = scenario.steps.map((step) => encodeStep(step, list(scopeOf(step, parents) ?? [])))
  return `{${index},${encodeNode(scenario.root)},${list(steps)}}.`
}

function encodeNode(node: Node): string {
  const { name, restart, shutdown, significant } = node
  const common = [name, restart, shutdown, significant]
  return node.type === 'worker'
    ? tuple('worker', ...common, reason(node.asked))
    : tuple('sup', ...common, node.strategy, node.intensity, node.autoShutdown, list(node.children.map(encodeNode)))
}

function encodeStep(step: Step, scopes: string): string {
  const call = (supervisor: string, request: string): string => tuple('call', scopes, supervisor, request)
  switch (step.do) {
    case 'boot':
      return 'boot'
    case 'script':
      return tuple('script', step.child, list(step.outcomes))
    case 'hold':
      return tuple('hold', step.child)
    case 'release':
      return tuple('release', step.outcome)
    case 'pause':
      return tuple('pause', step.supervisor)
    case 'resume':
      return 'resume'
    case 'end':
      return tuple("'end'", scopes, step.child, reason(step.reason))
    case 'kill':
      return tuple('kill', scopes, step.child, 'kill')
    case 'stop':
      return tuple('stop', scopes, step.supervisor, reason(step.reason))
    case 'startChild':
      return call(step.supervisor, tuple('start_child', encodeNode(step.spec)))
    case 'startInstance':
      return call(step.supervisor, tuple('start_instance', step.child))
    case 'whichChildren':
      return call(step.supervisor, 'which_children')
    case 'countChildren':
      return call(step.supervisor, 'count_children')
    default:
      return call(step.supervisor, tuple(REQUESTS[step.do], tuple(step.by, step.child)))
  }
}

const REQUESTS = {
  terminateChild: 'terminate_child',
  restartChild: 'restart_child',
  deleteChild: 'delete_child',
  getChildSpec: 'get_childspec',
} as const

const tuple = (...elements: readonly (string | number | boolean)[]): string => `{${elements.join(',')}}`
const list = (elements: readonly string[]): string => `[${elements.join(',')}]`
const reason = (text: string): string => (text === 'shutdown(x)' ? '{shutdown,x}' : text)
