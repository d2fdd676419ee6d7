import { expect, test } from '@jest/globals'
import { ensureErlang } from '../support/erlang.ts'
import { testUnless } from '../support/when.ts'
import { search, type Sides } from './differential.ts'
import { Erlang } from './erlang.ts'
import { EXCLUSIONS } from './exclusions.ts'
import { generate } from './generate.ts'
import { parseArguments } from './main.ts'
import { formatDivergence } from './report.ts'
import { supervisorsOf, type Node, type Scenario, type Step } from './scenario.ts'
import { runTerrarium } from './terrarium.ts'

const erlang = await ensureErlang(new AbortController().signal)
const testWithErlang = testUnless(erlang.installed ? undefined : erlang.reason)

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

testWithErlang('300 random scenarios go the same way on Erlang/OTP and here', async () => {
  const vms = await Erlang.start(1)
  try {
    const sides: Sides = { erlang: vms.run, terrarium: runTerrarium }
    const { divergences } = await search({ seed: 1, indices: upTo(300), sides, shown: 3 })
    expect(divergences.map((each) => formatDivergence(each, 1))).toEqual([])
  } finally {
    await vms.stop()
  }
})

testWithErlang('a step on Erlang/OTP lasts until the VM has loaded the modules that it needs', async () => {
  const life = { restart: 'permanent', significant: false, shutdown: 'default' } as const
  const flags = { strategy: 'one_for_one', intensity: 1, autoShutdown: 'never' } as const
  const inner: Node = { type: 'supervisor', name: 's1', ...life, ...flags, children: [] }
  const held: Node = { type: 'worker', name: 'w1', ...life, asked: 'obey' }
  const scenario: Scenario = {
    root: { type: 'supervisor', name: 's0', ...life, ...flags, children: [inner, held] },
    steps: [{ do: 'hold', child: 'w1' }, { do: 'boot' }, { do: 'stop', supervisor: 's1', reason: 'bad' }],
  }
  const vms = await Erlang.start(1)
  try {
    const trace = await vms.run(scenario)
    expect(trace[2]).toEqual({ events: ['exit s1.1 s0.1 bad'], result: 'ok' })
  } finally {
    await vms.stop()
  }
})

test('a fault is found, shrunk, and shown with the command that repeats it', async () => {
  const faulty: Sides = {
    erlang: runTerrarium,
    terrarium: async (scenario) =>
      (await runTerrarium(scenario)).map(({ events, result }) => ({
        events: events.map((event) => event.replace(/ boom$/, ' bad')),
        result,
      })),
  }
  const { divergences, found } = await search({ seed: 7, indices: upTo(40), sides: faulty, shown: 1 })
  expect(found.length).toBeGreaterThan(1)
  const [first] = divergences
  if (first === undefined) throw new Error('nothing was found')
  expect(divergences).toHaveLength(1)
  const { root, steps } = first.scenario
  expect(supervisorsOf(first.scenario)).toHaveLength(1)
  expect(root.children).toHaveLength(1)
  expect(steps.map((step) => step.do)).toEqual(['boot', 'end'])
  expect(formatDivergence(first, 7)).toContain(`npm run differential -- --seed 7 --only ${found[0] ?? ''}`)
  expect(formatDivergence(first, 7)).not.toContain('not in one more run')
  expect(formatDivergence(first, 7)).toMatch(/> 2\. end w\d boom\n +exit w\d\.1 s0\.1 boom +exit w\d\.1 s0\.1 bad\n/)
})

test('a fault that shows only once is shown as the run in which it showed', async () => {
  let runs = 0
  const faulty: Sides = {
    erlang: runTerrarium,
    terrarium: async (scenario) => {
      runs += 1
      const trace = await runTerrarium(scenario)
      return runs === 1 ? trace.with(1, { events: [], result: 'early' }) : trace
    },
  }
  const { divergences } = await search({ seed: 7, indices: [3], sides: faulty, shown: 1 })
  const [first] = divergences
  if (first === undefined) throw new Error('nothing was found')
  expect(first.scenario).toEqual(generate(7, 3))
  const text = formatDivergence(first, 7)
  expect(text).toContain('first difference: step 2, marked >\nnot in one more run of the same scenario')
  expect(text).toMatch(/> 2\. .*\n(.*\n)*.* = early\n/)
})

test('a scenario that throws is a divergence too', async () => {
  const sides: Sides = { erlang: runTerrarium, terrarium: () => Promise.reject(new Error('out of order')) }
  const { divergences } = await search({ seed: 1, indices: [0], sides, shown: 1 })
  expect(divergences[0]?.terrarium[0]?.result).toContain('out of order')
})

test('a seed and an index always make the same scenario with the same trace', async () => {
  expect(generate(3, 5)).toEqual(generate(3, 5))
  expect(generate(3, 5)).not.toEqual(generate(3, 6))
  expect(generate(3, 5)).not.toEqual(generate(4, 5))
  const scenario = generate(3, 5)
  expect(await runTerrarium(scenario)).toEqual(await runTerrarium(scenario))
})

test('random scenarios cover every kind of step and option', () => {
  const scenarios = upTo(2_000).map((index) => generate(1, index))
  const seen = (kinds: (scenario: Scenario) => readonly unknown[]): unknown[] =>
    [...new Set(scenarios.flatMap(kinds))].sort()
  const nodesOf = (scenario: Scenario): Node[] => {
    const below = (node: Node): Node[] => [node, ...(node.type === 'worker' ? [] : node.children.flatMap(below))]
    return [
      ...below(scenario.root),
      ...scenario.steps.flatMap((step) => (step.do === 'startChild' ? below(step.spec) : [])),
    ]
  }
  const depth = (node: Node): number => (node.type === 'worker' ? 0 : 1 + Math.max(0, ...node.children.map(depth)))
  expect(seen(({ root }) => [depth(root)])).toEqual([1, 2, 3])
  expect(seen((each) => supervisorsOf(each).map(({ strategy }) => strategy))).toEqual([
    'one_for_all',
    'one_for_one',
    'rest_for_one',
    'simple_one_for_one',
  ])
  expect(seen((each) => supervisorsOf(each).map(({ autoShutdown }) => autoShutdown))).toEqual([
    'all_significant',
    'any_significant',
    'never',
  ])
  expect(seen((each) => nodesOf(each).map(({ restart }) => restart))).toEqual(['permanent', 'temporary', 'transient'])
  expect(seen((each) => nodesOf(each).map(({ significant }) => significant))).toEqual([false, true])
  expect(seen((each) => nodesOf(each).map(({ shutdown }) => String(shutdown)))).toEqual([
    '0',
    '100',
    '20',
    '400',
    '5000',
    'brutal_kill',
    'default',
    'infinity',
  ])
  expect(seen(({ steps }) => steps.map((step) => step.do))).toEqual([
    'boot',
    'countChildren',
    'deleteChild',
    'end',
    'getChildSpec',
    'hold',
    'kill',
    'pause',
    'release',
    'restartChild',
    'resume',
    'script',
    'startChild',
    'startInstance',
    'stop',
    'terminateChild',
    'whichChildren',
  ])
  expect(seen(({ steps }) => steps.flatMap((step) => ('reason' in step ? [step.reason] : [])))).toEqual([
    'bad',
    'boom',
    'normal',
    'shutdown',
    'shutdown(x)',
  ])
  expect(seen(({ steps }) => steps.flatMap((step) => (step.do === 'script' ? step.outcomes : [])))).toEqual([
    'dies',
    'error',
    'fails',
    'fails_late',
    'finishes',
    'ignore',
  ])
})

test('nested supervisors are killed, several children die in one event, dynamic children fail before they are ready', () => {
  const scenarios = upTo(2_000).map((index) => generate(1, index))
  const count = (is: (step: Step, scenario: Scenario) => boolean): number =>
    scenarios.flatMap((each) => each.steps.filter((step) => is(step, each))).length
  const nested = (name: string, { root, steps }: Scenario): boolean =>
    supervisorsOf({ root, steps }).some(
      (node) => node.name === name && node.children.some(({ type }) => type === 'supervisor'),
    )
  const isDynamic = (child: string, scenario: Scenario): boolean =>
    scenario.steps.some((step) => step.do === 'startInstance' && step.child === child)
  expect(count((step, each) => step.do === 'kill' && nested(step.child, each))).toBeGreaterThan(50)
  expect(
    count((step, each) => step.do === 'pause' && deathsAfter(each.steps.slice(each.steps.indexOf(step) + 1)) > 1),
  ).toBeGreaterThan(300)
  for (const outcome of ['error', 'fails', 'fails_late'] as const) {
    const isOne = (step: Step, each: Scenario): boolean =>
      step.do === 'script' && step.outcomes.includes(outcome) && isDynamic(step.child, each)
    expect(count(isOne)).toBeGreaterThan(10)
  }
})

/** How many children die before the supervisor resumes. */
function deathsAfter(steps: readonly Step[]): number {
  const resume = steps.findIndex((step) => step.do === 'resume')
  return steps.slice(0, resume).filter((step) => step.do === 'end' || step.do === 'kill').length
}

test('only cases in which versions of OTP differ are excluded', () => {
  expect(Object.keys(EXCLUSIONS)).toEqual(['I10', 'K12', 'H11'])
  for (const { children, strategy, autoShutdown } of upTo(2_000).flatMap((index) =>
    supervisorsOf(generate(1, index)),
  )) {
    if (strategy !== 'simple_one_for_one') continue
    expect(children).toHaveLength(1)
    expect(autoShutdown).toBe('never')
  }
})

test('bad usage is refused with the mistake', () => {
  expect(parseArguments(['--seed', '9', '--count', '3'])).toEqual({ seed: 9, indices: [0, 1, 2] })
  expect(parseArguments(['--only', '700'])).toEqual({ seed: 1, indices: [700] })
  expect(parseArguments(['--count', '-1'])).toMatch(/count/)
  expect(parseArguments(['--count', 'many'])).toBe('--count must be a whole number, not many')
  expect(parseArguments(['--sed', '9'])).toMatch(/--sed/)
})
