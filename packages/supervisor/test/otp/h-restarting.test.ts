import { expect, test } from '@jest/globals'
import { createMachine, type AnyActorLogic } from 'xstate'
import { IGNORE, type ChildSpec, type SupervisorOptions } from '@terrarium/supervisor'
import { exit } from '@terrarium/supervisor/otp'
import { bench, child, idle, refusal, type Bench } from '../support.ts'
import { boom, BOOM, KILLED } from './actors.ts'

/** A child that is started once; after that come these starts, the last of them for ever. */
function script(
  id: string,
  ...restarts: (() => unknown)[]
): { readonly spec: ChildSpec; readonly starts: () => number } {
  let starts = 0
  const logic = (): AnyActorLogic => {
    const restart = restarts[Math.min(starts, restarts.length) - 1]
    starts += 1
    return (restart?.() ?? idle) as AnyActorLogic
  }
  return { spec: child(id, { logic }), starts: () => starts }
}

const fail = (): never => {
  throw boom
}
const succeed = (): typeof idle => idle

async function started(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench({ mode: 'otp', intensity: 1_000, period: 3_600_000, ...options })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

/** A supervisor whose child `a` has ended and does not come up again. */
async function restarting(): Promise<Bench & { readonly starts: () => number }> {
  const { spec, starts } = script('a', fail)
  const it = await started({ children: [spec] })
  exit(it.ref('a'), BOOM)
  expect(it.state('a')).toBe('restarting')
  return { ...it, starts }
}

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

/** `start a`, `exit b`, … since the last call. */
const moves = ({ take }: Bench): string[] => take('child.start', 'child.exit').map((move) => move.replace('child.', ''))

test('H01 a child that does not come up again is listed as restarting, and is a worker that is not active', async () => {
  const it = await restarting()
  const [a, ...others] = await it.app.whichChildren()
  expect(a).toMatchObject({ id: 'a', state: 'restarting' })
  expect(a?.ref).toBeUndefined()
  expect(others).toEqual([])
  expect(await it.app.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 1 })
  await over(it)
})

test('H02 an operation called during an attempt runs before the next attempt', async () => {
  const log: string[] = []
  const rejections: ((error: Error) => void)[] = []
  const attempt = (): Promise<never> => {
    log.push('attempt')
    return new Promise((_resolve, reject) => rejections.push(reject))
  }
  const { spec } = script('a', attempt, attempt, succeed)
  const it = await started({ children: [spec] })
  it.app.on('child.start', ({ id }) => log.push(id))
  exit(it.ref('a'), BOOM)
  for (const id of ['y', 'z']) {
    const asked = it.app.startChild(child(id))
    expect(it.state(id)).toBe('absent')
    rejections.pop()?.(boom)
    await asked
    await it.clock.advance(0)
  }
  expect(log).toEqual(['attempt', 'y', 'attempt', 'z', 'a'])
  await over(it)
})

test('H03 a restarting child can be neither restarted nor deleted, and its id is taken', async () => {
  const it = await restarting()
  expect(await refusal(it.app.restartChild('a'))).toBe('restarting')
  expect(await refusal(it.app.deleteChild('a'))).toBe('restarting')
  expect(await refusal(it.app.startChild(child('a')))).toBe('already_present')
  expect(it.state('a')).toBe('restarting')
  await over(it)
})

test('H04 a restarting child that is terminated is stopped, and the retry that was due never comes', async () => {
  const it = await restarting()
  expect(it.clock.pending).toBe(1) // the retry's
  const terminated = it.app.terminateChild('a')
  const starts = it.starts()
  await terminated
  expect(it.state('a')).toBe('stopped')
  await it.clock.advance(1_000)
  expect([it.state('a'), it.starts(), it.clock.pending]).toEqual(['stopped', starts, 0])
  await over(it)
})

test('H05 a supervisor with a restarting child stops promptly, and the retry never comes', async () => {
  const it = await restarting()
  expect(it.clock.pending).toBe(1)
  const stopped = it.app.stop()
  const starts = it.starts()
  await stopped
  expect(it.take('supervisor.exit')).toEqual(['supervisor.exit'])
  expect([it.elapsed(), it.clock.pending]).toEqual([10, 0])
  await it.clock.advance(1_000)
  expect(it.starts()).toBe(starts)
})

test('H06 other children can be started meanwhile', async () => {
  const it = await restarting()
  const z = await it.app.startChild(child('z'))
  expect(it.ref('z')).toBe(z)
  expect([it.state('a'), it.state('z')]).toEqual(['restarting', 'running'])
  await over(it)
})

test('H07 one_for_all: a sibling that fails its restart takes the others down again', async () => {
  const s2 = script('s2', fail, succeed)
  const it = await started({ strategy: 'one_for_all', children: [child('a'), s2.spec, child('c')] })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit c', 'exit s2', 'start a', 'exit a', 'start a', 'start s2', 'start c'])
  expect(s2.starts()).toBe(3)
  await over(it)
})

test('H08 rest_for_one: a retry starts from the child that failed, and keeps those before it', async () => {
  const s2 = script('s2', fail, succeed)
  const it = await started({ strategy: 'rest_for_one', children: [child('a'), s2.spec, child('c')] })
  await it.crash('a')
  expect(moves(it)).toEqual(['exit a', 'exit c', 'exit s2', 'start a', 'start s2', 'start c'])
  expect(s2.starts()).toBe(3)
  expect(it.app.children).toMatchObject([{ incarnation: 2 }, { incarnation: 3 }, { incarnation: 2 }])
  await over(it)
})

test('H09 rest_for_one: while a child is restarting those after it are stopped, those before it run', async () => {
  const children = [child('a'), script('b', fail).spec, child('c')]
  const it = await started({ strategy: 'rest_for_one', children })
  const a = it.ref('a')
  exit(it.ref('b'), KILLED)
  expect(await it.app.whichChildren()).toMatchObject([
    { id: 'c', state: 'stopped' },
    { id: 'b', state: 'restarting' },
    { id: 'a', state: 'running', ref: a },
  ])
  expect(await it.app.countChildren()).toEqual({ specs: 3, active: 1, supervisors: 0, workers: 3 })
  await over(it)
})

test('H10 a restart that is ignored leaves the child stopped with its specification, and is not tried again', async () => {
  const { spec, starts } = script('a', () => IGNORE, succeed)
  const it = await started({ intensity: 1, children: [spec] })
  exit(it.ref('a'), BOOM)
  await it.clock.advance(1_000)
  expect([it.state('a'), starts()]).toEqual(['stopped', 2])
  expect(await it.app.whichChildren()).toMatchObject([{ id: 'a', state: 'stopped' }])
  expect(await it.app.getChildSpec('a')).toMatchObject({ id: 'a', restart: 'permanent' })
  expect(await it.app.restartChild('a')).toBe(it.ref('a'))
  await over(it)
})

test('H11 a restarting dynamic child counts as a worker that is not active, and is known by its last ref', async () => {
  for (const strategy of ['simple_one_for_one', 'dynamic'] as const) {
    const { spec, starts } = script('job', fail)
    const isTemplated = strategy === 'simple_one_for_one'
    const it = await started({ strategy, maxChildren: 1, ...(isTemplated ? { children: [spec] } : {}) })
    const startOne = (): Promise<unknown> => (isTemplated ? it.app.startChild() : it.app.startChild(spec))
    await startOne()
    const last = it.app.children[0]?.ref
    if (last === undefined) throw new Error('not started')
    const { id } = last
    exit(last, KILLED)
    expect(it.state(id)).toBe('restarting')
    expect(await it.app.countChildren()).toMatchObject({ active: 0, workers: 1 })
    expect(await refusal(startOne())).toBe('max_children')
    expect(it.state(id)).toBe('restarting')
    await it.app.terminateChild(last)
    const attempts = starts()
    await it.clock.advance(1_000)
    expect(starts()).toBe(attempts)
    expect(await it.app.whichChildren()).toEqual([])
    expect(await it.app.countChildren()).toMatchObject({ active: 0, workers: 0 })
    await over(it)
  }
})

test('a failed start is retried before operations called later, although its timer has not fired', async () => {
  const { spec, starts } = script('a', fail, succeed)
  const it = await started({ children: [spec] })
  exit(it.ref('a'), BOOM)
  expect([it.state('a'), starts()]).toEqual(['restarting', 2])
  expect(await it.app.whichChildren()).toMatchObject([{ id: 'a', state: 'running', incarnation: 3 }])
  expect(starts()).toBe(3)
  await over(it)
})

test('H12 a failed start, and an exit right after a start, are handled after the exits before them', async () => {
  const over = createMachine({ initial: 'over', states: { over: { type: 'final' } } })
  for (const [second, expected] of [
    [fail, ['exit b', 'exit a', 'start a', 'start b']],
    [() => over, ['exit b', 'start b', 'exit b', 'exit a', 'start a', 'start b']],
  ] as const) {
    const b = script('b', second, succeed)
    const it = await started({ children: [child('a'), b.spec, child('c')] })
    const victims = [it.ref('b'), it.ref('a')]
    // The supervisor is in the middle of an event while both end.
    it.app.on('child.exit', ({ id }) => {
      if (id === 'c') for (const victim of victims) exit(victim, BOOM)
    })
    await it.app.terminateChild('c')
    await it.clock.advance(0)
    expect(moves(it)).toEqual(['exit c', ...expected])
    expect([it.state('a'), it.state('b'), b.starts()]).toEqual(['running', 'running', 3])
    await it.app.stop()
  }
})
