// Finds the smallest scenario that still fails.
import { isValid, type Node, type Scenario, type Step, type SupervisorNode, type WorkerNode } from './scenario.ts'

/**
 * The smallest scenario found that still fails. Drops steps, children and levels and simplifies options while the
 * scenario fails.
 *
 * @param attempts - how many scenarios may be tried
 */
export async function shrink(
  scenario: Scenario,
  fails: (candidate: Scenario) => Promise<boolean>,
  attempts = 2_000,
): Promise<Scenario> {
  let smallest = scenario
  let left = attempts
  for (let progress = true; progress && left > 0;) {
    progress = false
    for (const candidate of simpler(smallest)) {
      if (!isValid(candidate)) continue
      left -= 1
      if (left < 0) break
      if (!(await fails(candidate))) continue
      smallest = candidate
      progress = true
      break
    }
  }
  return smallest
}

/** All simplifications of a scenario by one step, the largest first. */
function* simpler({ root, steps }: Scenario): Generator<Scenario> {
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from + size <= steps.length; from += 1) {
      yield { root, steps: [...steps.slice(0, from), ...steps.slice(from + size)] }
    }
  }
  for (const plainer of simplerSupervisor(root)) yield { root: plainer, steps }
  for (const [index, step] of steps.entries()) {
    for (const plainer of simplerStep(step)) yield { root, steps: steps.with(index, plainer) }
  }
}

function* simplerStep(step: Step): Generator<Step> {
  switch (step.do) {
    case 'startChild':
      for (const spec of simplerNode(step.spec)) yield { ...step, spec }
      return
    case 'script':
      if (step.outcomes.length > 1) yield { ...step, outcomes: step.outcomes.slice(1) }
      for (const [index, outcome] of step.outcomes.entries()) {
        if (outcome === 'fails' || outcome === 'fails_late') {
          yield { ...step, outcomes: step.outcomes.with(index, 'error') }
        }
      }
      return
    case 'end':
      if (step.reason !== 'boom') yield { ...step, reason: 'boom' }
      return
    default:
  }
}

function* simplerNode(node: Node): Generator<Node> {
  if (node.type === 'worker') yield* simplerWorker(node)
  else yield* simplerSupervisor(node)
}

function* simplerWorker(node: WorkerNode): Generator<WorkerNode> {
  if (node.asked !== 'obey') yield { ...node, asked: 'obey', shutdown: 'default' }
  yield* plainLife(node)
}

function* simplerSupervisor(node: SupervisorNode): Generator<SupervisorNode> {
  const { children } = node
  const isDynamic = node.strategy === 'simple_one_for_one'
  if (!isDynamic) {
    for (let index = 0; index < children.length; index += 1) {
      yield { ...node, children: [...children.slice(0, index), ...children.slice(index + 1)] }
    }
    for (const [index, child] of children.entries()) {
      if (child.type === 'supervisor' && child.strategy !== 'simple_one_for_one') {
        yield { ...node, children: [...children.slice(0, index), ...child.children, ...children.slice(index + 1)] }
      }
    }
    if (node.strategy !== 'one_for_one') yield { ...node, strategy: 'one_for_one' }
    if (node.autoShutdown !== 'never' && !children.some(({ significant }) => significant)) {
      yield { ...node, autoShutdown: 'never' }
    }
  }
  if (node.intensity !== 10) yield { ...node, intensity: 10 }
  yield* plainLife(node)
  for (const [index, child] of children.entries()) {
    for (const plainer of simplerNode(child)) yield { ...node, children: children.with(index, plainer) }
  }
}

function* plainLife<T extends Node>(node: T): Generator<T> {
  if (node.significant) yield { ...node, significant: false }
  if (node.restart !== 'permanent') yield { ...node, restart: 'permanent' }
  // A worker that ignores a shutdown needs a time limit.
  if (node.shutdown !== 'default' && !(node.type === 'worker' && node.asked === 'ignore')) {
    yield { ...node, shutdown: 'default' }
  }
}
