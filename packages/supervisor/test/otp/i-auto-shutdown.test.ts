import { expect, test } from '@jest/globals'
import {
  administrate,
  createSupervisor,
  IGNORE,
  supervisor,
  type ChildSpec,
  type ExitReason,
  type SupervisorOptions,
} from '@terrarium/supervisor'
import { exit, exitReasonOf } from '@terrarium/supervisor/otp'
import { bench, child, type Bench } from '../support.ts'
import { BOOM, KILLED, NORMAL, SHUTDOWN } from './actors.ts'

const DETAILED: ExitReason = { type: 'shutdown', detail: 'x' }
const REASONS = [NORMAL, SHUTDOWN, DETAILED, KILLED, BOOM]
const CLEAN = [NORMAL, SHUTDOWN, DETAILED]
const WATCHING = ['any_significant', 'all_significant'] as const

const transient = (id: string): ChildSpec => child(id, { restart: 'transient', significant: true })
const temporary = (id: string): ChildSpec => child(id, { restart: 'temporary', significant: true })

async function started(options: Partial<SupervisorOptions>): Promise<Bench> {
  const it = bench({ mode: 'otp', intensity: 100, ...options })
  await it.app.start()
  await it.clock.advance(10)
  it.take()
  return it
}

/** The child ends by itself. */
async function ends(it: Bench, id: string, reason: ExitReason): Promise<void> {
  exit(it.ref(id), reason)
  await it.clock.advance(0)
}

/** The supervisor has shut itself down, with these exits, and nothing is left. */
function isOver(it: Bench, ...exits: string[]): void {
  expect(exitReasonOf(it.app.ref)).toEqual(SHUTDOWN)
  expect(it.take()).toEqual([...exits.map((id) => `child.exit ${id}`), 'supervisor.exit'])
  expect(it.clock.pending).toBe(0)
}

/** The supervisor goes on, and it can be stopped. */
async function goesOn(it: Bench): Promise<void> {
  await it.clock.advance(1_000)
  expect(it.take('supervisor.exit')).toEqual([])
  expect(exitReasonOf(it.app.ref)).toBeUndefined()
  await it.app.stop()
  expect(it.clock.pending).toBe(0)
}

test('I01 any_significant: the clean end of a significant transient child ends the supervisor with shutdown', async () => {
  for (const reason of CLEAN) {
    const it = await started({
      autoShutdown: 'any_significant',
      children: [child('a'), transient('b'), transient('c')],
    })
    await ends(it, 'b', reason)
    isOver(it, 'b', 'c', 'a')
  }
})

test('I02 any_significant: a significant transient child that fails is restarted', async () => {
  const it = await started({ autoShutdown: 'any_significant', children: [child('a'), transient('b')] })
  await ends(it, 'b', KILLED)
  await ends(it, 'b', BOOM)
  expect(it.app.children).toMatchObject([
    { id: 'a', state: 'running', incarnation: 1 },
    { id: 'b', state: 'running', incarnation: 3 },
  ])
  await goesOn(it)
})

test('I03 any_significant: every end of a significant temporary child ends the supervisor', async () => {
  for (const reason of REASONS) {
    const it = await started({ autoShutdown: 'any_significant', children: [child('a'), temporary('b')] })
    await ends(it, 'b', reason)
    isOver(it, 'b', 'a')
  }
})

test('I04 a significant child that is terminated on request does not end the supervisor, even if it is the last', async () => {
  for (const autoShutdown of WATCHING) {
    for (const significant of [transient, temporary]) {
      const it = await started({ autoShutdown, children: [child('a'), significant('b')] })
      await it.app.terminateChild('b')
      expect(it.state('b')).toBe(significant === transient ? 'stopped' : 'absent')
      expect(it.state('a')).toBe('running')
      await goesOn(it)
    }
  }
})

test('I05 all_significant: only the end of the last significant child ends the supervisor', async () => {
  for (const significant of [transient, temporary]) {
    const children = [child('a'), significant('b'), significant('c')]
    const it = await started({ autoShutdown: 'all_significant', children })
    await ends(it, 'c', NORMAL)
    expect(exitReasonOf(it.app.ref)).toBeUndefined()
    expect(it.take()).toEqual(['child.exit c'])
    await ends(it, 'b', NORMAL)
    isOver(it, 'b', 'a')
  }
})

test('I06 all_significant: a significant child whose start was ignored does not hold the supervisor up', async () => {
  for (const significant of [transient, temporary]) {
    const children = [{ ...significant('ignored'), logic: () => IGNORE } as ChildSpec, significant('b')]
    const it = await started({ autoShutdown: 'all_significant', children })
    expect(it.state('ignored')).toBe(significant === transient ? 'stopped' : 'absent')
    await ends(it, 'b', NORMAL)
    isOver(it, 'b')
  }
})

test('I07 significant children that are stopped for a group restart do not end the supervisor', async () => {
  for (const autoShutdown of WATCHING) {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const children = [child('b'), transient('kept'), temporary('gone')]
      const it = await started({ autoShutdown, strategy, children })
      await ends(it, 'b', BOOM)
      expect(it.take('child.exit')).toEqual(['child.exit b', 'child.exit gone', 'child.exit kept'])
      expect(it.app.children).toMatchObject([
        { id: 'b', state: 'running', incarnation: 2 },
        { id: 'kept', state: 'running', incarnation: 2 },
      ])
      expect(it.app.children).toHaveLength(2)
      await goesOn(it)
    }
  }
})

test('I08 the end of a child that is not significant never ends the supervisor', async () => {
  for (const autoShutdown of ['never', ...WATCHING] as const) {
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      for (const reason of REASONS) {
        const it = await started({ autoShutdown, children: [child('a'), child('b', { restart })] })
        await ends(it, 'b', reason)
        const comesBack = restart === 'permanent' || (restart === 'transient' && !CLEAN.includes(reason))
        const gone = restart === 'temporary' ? 'absent' : 'stopped'
        expect([it.state('a'), it.state('b')]).toEqual(['running', comesBack ? 'running' : gone])
        await goesOn(it)
      }
    }
  }
})

test('I09 a supervisor that has shut itself down counts as a clean end with its own supervisor', async () => {
  for (const significant of [true, false]) {
    const logic = supervisor({ id: 'B', mode: 'otp', autoShutdown: 'any_significant', children: [transient('C')] })
    const B = child('B', { logic, restart: 'transient', significant })
    const it = await started({ autoShutdown: 'any_significant', children: [child('a'), B] })
    const [{ ref: C } = {}] = await administrate(it.ref('B')).whichChildren()
    C?.send({ type: 'end', reason: NORMAL })
    await it.clock.advance(0)
    expect(it.events.find(({ type }) => type === 'child.exit')).toMatchObject({ id: 'B', reason: SHUTDOWN })
    if (significant) isOver(it, 'B', 'a')
    else {
      expect([it.state('a'), it.state('B')]).toEqual(['running', 'stopped'])
      await goesOn(it)
    }
  }
})

test('I10 supervisors of dynamic children cannot shut themselves down', () => {
  const template = [child('job')]
  for (const autoShutdown of WATCHING) {
    for (const [options, reason] of [
      [{ strategy: 'simple_one_for_one', children: template }, 'bad_combination'],
      [{ strategy: 'dynamic' }, 'invalid_auto_shutdown'],
    ] as const) {
      const details: unknown = expect.objectContaining({ reason })
      const fault = expect.objectContaining({ code: 'INVALID_ARGUMENT', details })
      const wrong: SupervisorOptions = { id: 'app', mode: 'otp', autoShutdown, ...options }
      const right: SupervisorOptions = { ...wrong, autoShutdown: 'never' }
      expect(() => createSupervisor(wrong)).toThrow(fault)
      expect(() => supervisor(wrong)).toThrow(fault)
      expect(() => createSupervisor(right)).not.toThrow()
    }
  }
})
