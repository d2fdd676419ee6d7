import { expect, test } from '@jest/globals'
import { createSupervisor, supervisor, type ChildSpec } from '@terrarium/supervisor'
import { bench, child, idle, obedient, refusal, type Bench } from '../support.ts'
import { BOOM } from './actors.ts'

/** OTP's code for the refusal of these options. */
function fault(options: unknown): unknown {
  try {
    createSupervisor(options as never)
  } catch (error) {
    expect(error).toMatchObject({ name: 'TerrariumError', code: 'INVALID_ARGUMENT' })
    return (error as { details: { reason: unknown } }).details.reason
  }
  return undefined
}

const otp = (options: object): unknown => fault({ id: 'app', mode: 'otp', ...options })
const withChildren = (...children: unknown[]): unknown => otp({ children })

/** The code with which this child is refused, at the start and later. */
async function faults(spec: unknown): Promise<[unknown, unknown]> {
  const it = bench({ mode: 'otp' })
  await it.app.start()
  const late = await refusal(it.app.startChild(spec as never))
  expect(it.app.children).toEqual([])
  await over(it)
  return [withChildren(spec), late]
}

async function over({ app, clock }: Bench): Promise<void> {
  await app.stop()
  expect(clock.pending).toBe(0)
}

test('A01 without options a supervisor is one_for_one, forgives 1 restart in 5 s and never shuts itself down', async () => {
  const crashes = async (...gaps: number[]): Promise<[string, string]> => {
    const it = bench({
      mode: 'otp',
      children: [child('a'), child('b'), child('c', { restart: 'transient' })],
    })
    await it.app.start()
    const b = it.ref('b')
    await it.end('c', { type: 'normal' })
    for (const gap of gaps) {
      await it.clock.advance(gap)
      await it.end('a', BOOM)
    }
    const phase = it.app.ref.getSnapshot().phase
    const sibling = phase === 'running' && it.ref('b') === b ? 'untouched' : 'gone'
    await over(it)
    return [phase, sibling]
  }
  expect(await crashes(10)).toEqual(['running', 'untouched'])
  expect(await crashes(10, 5_000)).toEqual(['stopped', 'gone'])
  expect(await crashes(10, 6_000)).toEqual(['running', 'untouched'])
})

test('A02 a specification of id and logic has the defaults of a permanent worker with a shutdown of 5 s', async () => {
  const it = bench({ mode: 'otp', children: [{ id: 'a', logic: idle }] })
  await it.app.start()
  expect(await it.app.getChildSpec('a')).toMatchObject({
    id: 'a',
    logic: idle,
    restart: 'permanent',
    type: 'worker',
    shutdown: 5_000,
    significant: false,
  })
  await over(it)
})

test('A03 the shutdown of a supervisor is infinity by default', async () => {
  const it = bench({
    mode: 'otp',
    children: [
      { id: 'told', logic: obedient, type: 'supervisor' },
      { id: 'seen', logic: supervisor({ id: 'seen', mode: 'otp' }) },
    ],
  })
  await it.app.start()
  for (const id of ['told', 'seen']) {
    expect(await it.app.getChildSpec(id)).toMatchObject({ type: 'supervisor', shutdown: 'infinity' })
  }
  await over(it)
})

test('A04 a specification without an id is refused', async () => {
  expect(await faults({ logic: idle })).toEqual(['missing_id', 'missing_id'])
})

test('A05 a specification without a logic is refused', async () => {
  expect(await faults({ id: 'a' })).toEqual(['missing_logic', 'missing_logic'])
})

test.each<[string, unknown, shown: string]>([
  ['a string', 'a', "'a'"],
  ['a number', 7, '7'],
  ['true', true, 'true'],
  ['null', null, 'null'],
  ['undefined', undefined, 'undefined'],
  ['a symbol', Symbol('a'), 'Symbol(a)'],
  ['a function', () => idle, 'a function'],
  // OTP's own old form.
  ['a tuple', ['a', idle, 'permanent', 5_000, 'worker'], 'an array'],
  ['an empty list', [], 'an array'],
])('A06 %s is no specification, and the error says so, and where', async (_, spec, shown) => {
  expect(await faults(spec)).toEqual(['invalid_child_spec', 'invalid_child_spec'])
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    return idle
  }
  const options = { id: 'app', mode: 'otp', children: [child('a', { logic }), spec, child('b', { logic }), spec] }
  const mistake = (index: number): string => `children[${index}] must be an object, not ${shown}`
  const details = { reason: 'invalid_child_spec', mistakes: [mistake(1), mistake(3)] }
  expect(() => createSupervisor(options as never)).toThrow(expect.objectContaining({ details }))
  expect(() => supervisor(options as never)).toThrow(expect.objectContaining({ details }))

  // A running supervisor is no different for it.
  const it = bench({ mode: 'otp', intensity: 0, children: [child('a', { logic })] })
  await it.app.start()
  const a = it.ref('a')
  it.take()
  await expect(it.app.startChild(spec as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { reason: 'invalid_child_spec', mistakes: [`child must be an object, not ${shown}`] },
  })
  expect(await refusal(it.app.reconfigure(spec as never))).toBe('invalid_child_spec')
  expect([it.take(), it.ref('a'), starts]).toEqual([[], a, 1])
  expect(await it.app.countChildren()).toEqual({ specs: 1, active: 1, supervisors: 0, workers: 1 })
  await over(it)
})

test.each([['idle'], [{}], [7], [null]])('A07 %p is no logic', async (logic) => {
  expect(await faults({ id: 'a', logic })).toEqual(['invalid_logic', 'invalid_logic'])
})

test('A08 a restart type that does not exist is refused', async () => {
  expect(await faults(child('a', { restart: 'prmanent' as never }))).toEqual([
    'invalid_restart_type',
    'invalid_restart_type',
  ])
})

test('A09 shutdown is ms, infinity or brutal_kill', async () => {
  for (const shutdown of [-10, 1.5, 'x', null]) {
    expect(await faults(child('a', { shutdown: shutdown as never }))).toEqual(['invalid_shutdown', 'invalid_shutdown'])
  }
  for (const shutdown of [0, 1, 5_000, 'infinity', 'brutal_kill'] as const) {
    expect(withChildren(child('a', { shutdown }))).toBeUndefined()
  }
})

test('A10 a child is a worker or a supervisor', async () => {
  expect(await faults(child('a', { type: 'wrker' as never }))).toEqual(['invalid_child_type', 'invalid_child_type'])
})

test('A11 significant is true or false', async () => {
  const maybe = child('a', { restart: 'transient', significant: 'maybe' as never })
  expect(await faults(maybe)).toEqual(['invalid_significant', 'invalid_significant'])
})

test('A12 no child may be significant to a supervisor that never shuts itself down', async () => {
  const spec = child('a', { restart: 'transient', significant: true })
  expect(await faults(spec)).toEqual(['bad_combination', 'bad_combination'])
  expect(otp({ autoShutdown: 'never', children: [spec] })).toBe('bad_combination')
})

test('A13 a permanent child cannot be significant, not by default either', async () => {
  for (const spec of [child('a', { significant: true }), child('a', { restart: 'permanent', significant: true })]) {
    expect(otp({ autoShutdown: 'any_significant', children: [spec] })).toBe('bad_combination')
    const it = bench({ mode: 'otp', autoShutdown: 'any_significant' })
    await it.app.start()
    expect(await refusal(it.app.startChild(spec))).toBe('bad_combination')
    await over(it)
  }
})

test('A14 unknown options and fields are ignored in mode otp', async () => {
  /**
   * Names that mean something elsewhere: of OTP's own, of other options, and of what the supervisor keeps for itself.
   */
  const names = [
    ...['colour', 'start', 'modules', 'max_restarts', 'auto_shutdown', 'name', 'meta', 'toString', '__proto__'],
    ...[
      'state',
      'ref',
      'lastRef',
      'startNumber',
      'incarnation',
      'death',
      'timer',
      'trouble',
      'group',
      'until',
      'source',
    ],
    ...['phase', 'task', 'queue', 'window', 'kind', 'template', 'settings', 'supervisor', 'parent', 'snapshots'],
  ]
  const unknown = names.reduce(
    (fields, name) => Object.defineProperty(fields, name, { value: 'stopped', enumerable: true }),
    {},
  )
  /** All that happens to a supervisor, from start to end. */
  const story = async (more: object): Promise<unknown> => {
    const spec = (id: string): ChildSpec => ({ ...child(id), ...more })
    const it = bench({ mode: 'otp', intensity: 2, ...more, children: [spec('a'), spec('b')] })
    await it.app.start()
    await it.app.startChild(spec('c'))
    await it.app.reconfigure({ ...spec('b'), restart: 'transient' })
    await it.clock.advance(10)
    await it.crash('a')
    await it.end('b', { type: 'normal' })
    const states = JSON.stringify(it.app.children)
    const counts = await it.app.countChildren()
    const { id, restart, shutdown, type, significant } = await it.app.getChildSpec('c')
    await it.app.terminateChild('c')
    await it.app.deleteChild('c')
    await it.crash('a')
    await it.crash('a') // is one too many
    const events = it.events.map((event) => `${event.type} ${'id' in event ? event.id : JSON.stringify(event.reason)}`)
    expect(it.clock.pending).toBe(0)
    return { states, counts, spec: [id, restart, shutdown, type, significant], events }
  }
  expect(otp({ ...unknown, children: [{ id: 'a', logic: idle, ...unknown }] })).toBeUndefined()
  expect(await story(unknown)).toEqual(await story({}))
})

test('A15 two children with one id are refused, and none is started', () => {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    return idle
  }
  expect(withChildren(child('a', { logic }), child('b', { logic }), child('a', { logic }))).toBe('duplicate')
  expect(starts).toBe(0)
})

test('A16 all specifications are checked before any child is started', () => {
  let starts = 0
  const logic = (): typeof idle => {
    starts += 1
    return idle
  }
  expect(withChildren(child('a', { logic }), { id: 'b' })).toBe('missing_logic')
  expect(starts).toBe(0)
})

test('A17 options are checked in the order of OTP', () => {
  expect(fault(7)).toBe('invalid_type')
  for (const strategy of ['x', 7, {}]) expect(otp({ strategy })).toBe('invalid_strategy')
  for (const intensity of [-1, 'infinity', Infinity, 1.5]) expect(otp({ intensity })).toBe('invalid_intensity')
  for (const period of [0, Infinity, 1_500, 'x']) expect(otp({ period })).toBe('invalid_period')
  expect(otp({ autoShutdown: 'x' })).toBe('invalid_auto_shutdown')

  const wrong = { strategy: 'x', intensity: -1, period: 0, autoShutdown: 'x', children: [{ id: 'a' }] }
  expect(otp(wrong)).toBe('invalid_strategy')
  expect(otp({ ...wrong, strategy: 'one_for_one' })).toBe('invalid_intensity')
  expect(otp({ ...wrong, strategy: 'one_for_one', intensity: 1 })).toBe('invalid_period')
  expect(otp({ ...wrong, strategy: 'one_for_one', intensity: 1, period: 5_000 })).toBe('invalid_auto_shutdown')
  expect(otp({ children: wrong.children })).toBe('missing_logic')
})

test('A18 ids are compared strictly', async () => {
  const it = bench({ mode: 'otp', children: ['1', '1.0', '{1}'].map((id) => child(id)) })
  await it.app.start()
  expect(it.app.children.map(({ id, state }) => [id, state])).toEqual([
    ['1', 'running'],
    ['1.0', 'running'],
    ['{1}', 'running'],
  ])
  await it.app.terminateChild('1')
  expect([it.state('1'), it.state('1.0')]).toEqual(['stopped', 'running'])
  expect(await refusal(it.app.terminateChild('01'))).toBe('not_found')
  await over(it)
})
