import { describe, expect, test } from '@jest/globals'
import { createSupervisor, type ChildSpec, type SupervisorEvents, type SupervisorOptions } from '@terrarium/supervisor'
import { createRegistry, monitor } from '@terrarium/supervisor/otp'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { declared, type HookOf } from '../../../test/support/declaration.ts'
import {
  boom,
  explode,
  FAILURES,
  reject,
  thenable,
  failOnUncaught,
  type Failing,
} from '../../../test/support/failures.ts'
import { turn } from '../../../test/support/waiting.ts'
import { child, NO_JITTER, obedient } from './support.ts'

// Every place where a supervisor calls code of the user's fails, one at a time and all at once. The tables below hold a
// row for each member of the options that may hold such code: a missing row does not compile, nor does it pass.

/** The option in a form that fails, and what the supervisor then does: go on, or end for this reason. */
interface Row<TValue> {
  readonly hostile: (fail: Failing) => TValue
  /** By what name it is reported, if the supervisor goes on. */
  readonly told?: RegExp | undefined
  readonly fatal?: true
  /** Other options that the option needs. */
  readonly needs?: Partial<SupervisorOptions>
}
type Rows<T> = { readonly [K in HookOf<T>]: Row<NonNullable<T[K]>> | 'data' }

const time = new VirtualClock()

const OPTIONS: Rows<SupervisorOptions> = {
  strategy: { hostile: (plan) => ({ name: 'odd', plan }), fatal: true },
  restartStrategy: {
    hostile: (plan) => ({ name: 'odd', plan }),
    fatal: true,
    needs: { strategy: 'dynamic' },
  },
  backoff: { hostile: (delay) => ({ delay, max: 5 }), told: /^`backoff\.delay` of supervisor app failed$/ },
  breaker: 'data',
  crashLoop: 'data',
  extraInput: 'data',
  snapshot: 'data',
  journal: 'data',
  classify: { hostile: (fail) => fail, told: /^`classify` of supervisor app failed$/ },
  children: { hostile: (fail) => [child('b', { logic: fail as never, awaitReady: false })] },
  clock: { hostile: (fail) => ({ now: fail, setTimeout: fail, clearTimeout: fail }), fatal: true },
  random: { hostile: (fail) => fail, fatal: true },
  onFault: { hostile: (fail) => fail },
  inspect: { hostile: (fail) => ({ next: fail }), told: /^the inspector of supervisor app failed$/ },
}
const SPEC: Rows<ChildSpec> = {
  logic: { hostile: (fail) => fail as never },
  ready: { hostile: (fail) => fail },
  resume: { hostile: (fail) => fail, told: /^`resume` of supervisor app failed$/ },
  backoff: { hostile: (delay) => ({ delay, max: 5 }), told: /^`backoff\.delay` of/ },
  breaker: 'data',
  input: 'data',
  dependsOn: 'data',
  meta: 'data',
}
const EVENTS: { readonly [E in keyof SupervisorEvents]: true } = {
  'child.start': true,
  'child.ready': true,
  'child.exit': true,
  'child.backoff': true,
  'child.restart': true,
  'child.parked': true,
  'child.crash_loop': true,
  'child.resume_dropped': true,
  'child.unparked': true,
  'supervisor.exit': true,
}

test('each member of the options that may hold code of the user’s has a row', () => {
  expect(Object.keys(OPTIONS).sort()).toEqual(
    declared('packages/supervisor/src/spec/options.ts', 'SupervisorOptions').hooks,
  )
  expect(Object.keys(SPEC).sort()).toEqual(declared('packages/supervisor/src/spec/spec.ts', 'ChildSpec').hooks)
  expect(Object.keys(EVENTS).sort()).toEqual(
    declared('packages/supervisor/src/spec/events.ts', 'SupervisorEvents').members,
  )
})

const { printed } = failOnUncaught()
const reported = (): string[] => printed.map(([what]) => String(what).replace(/^\[terrarium\] (.*):$/, '$1'))

interface Lived {
  readonly started: number
  readonly exited: number
  /** Actors that still run. */
  readonly alive: number
  readonly status: string
  readonly error: unknown
}

/** A whole life: two children, of which one fails again and again; a dynamic third; the end. */
async function live(options: Partial<SupervisorOptions>, hear: (app: ReturnType<typeof createSupervisor>) => void) {
  const refs = new Set<{ getSnapshot: () => unknown }>()
  let started = 0
  let exited = 0
  const app = createSupervisor({
    id: 'app',
    clock: time,
    backoff: { ...NO_JITTER, base: 1 },
    crashLoop: { failures: 3 },
    children: [],
    ...options,
  } as SupervisorOptions)
  app.ref.on('child.start', ({ ref }) => {
    started += 1
    refs.add(ref)
  })
  app.ref.on('child.exit', () => (exited += 1))
  hear(app)
  const settled: Promise<unknown>[] = [app.start().catch(ignored)]
  settled.push(app.startChild(child('a', { resume: (snapshot) => snapshot })).catch(ignored))
  for (let round = 0; round < 8; round += 1) {
    app.children
      .find(({ id }) => id === 'a' || id === 'a:1')
      ?.ref?.send({ type: 'throw', error: new Error(`round ${round}`) })
    await time.advance(10)
  }
  settled.push(app.unpark('a').catch(ignored))
  await time.advance(10)
  settled.push(app.countChildren().catch(ignored))
  settled.push(app.call('unknown', { type: 'get' }).catch(ignored))
  await time.advance(1_000)
  settled.push(app.stop())
  await time.advance(10_000)
  await Promise.all(settled)
  await turn()
  const isActive = (ref: { getSnapshot: () => unknown }): boolean =>
    (ref.getSnapshot() as { status: string }).status === 'active'
  const { status, error } = app.ref.getSnapshot() as { status: string; error: unknown }
  return { started, exited, alive: [...refs].filter(isActive).length, status, error } satisfies Lived
}

const ignored = (): undefined => undefined

const explodes = (app: ReturnType<typeof createSupervisor>): void => {
  for (const event of Object.keys(EVENTS) as (keyof SupervisorEvents)[])
    for (const fail of Object.values(FAILURES)) app.on(event, fail)
}

const rows = (table: Readonly<Record<string, Row<unknown> | 'data'>>): [string, Row<unknown>][] =>
  Object.entries(table).filter((entry): entry is [string, Row<unknown>] => entry[1] !== 'data')

describe.each(Object.entries(FAILURES))('user code that answers with %s', (how, fail) => {
  test.each(rows(OPTIONS))('option %s', async (name, row) => {
    const { status, started, exited, alive, error } = await live(
      { ...row.needs, [name]: row.hostile(fail) },
      () => undefined,
    )
    expect({ alive, left: started - exited }).toEqual({ alive: 0, left: 0 })
    expect(started).toBeGreaterThan(name === 'clock' ? -1 : 0)
    if (row.fatal === true) {
      expect(status).toBe('error')
      expect(error).toBeInstanceOf(Error)
    } else if (row.told !== undefined && !(how === 'nonsense' && name === 'inspect')) {
      expect(reported()).toEqual([expect.stringMatching(row.told)]) // once, although it failed often
    }
  })

  test.each(rows(SPEC))('child specification %s', async (name, row) => {
    const spec = child('b', { awaitReady: false, [name]: row.hostile(fail) })
    const { started, exited, alive } = await live({ children: [spec] }, (app) => {
      app.on('child.start', ({ id, ref }) => {
        if (id === 'b') queueMicrotask(() => { ref.send({ type: 'throw', error: boom }) }) // prettier-ignore
      })
    })
    expect({ alive, left: started - exited }).toEqual({ alive: 0, left: 0 })
    expect(started).toBeGreaterThan(2) // of a alone
    if (row.told !== undefined) expect(reported()).toEqual([expect.stringMatching(row.told)])
  })

  test('all options, and listeners for every event, at once', async () => {
    const together = rows(OPTIONS).filter(([, { needs }]) => needs === undefined)
    const all = Object.fromEntries(together.map(([name, { hostile }]) => [name, hostile(fail)]))
    const spec = Object.fromEntries(rows(SPEC).map(([name, { hostile }]) => [name, hostile(fail)]))
    for (const clock of [all['clock'], time]) {
      const children = [child('b', { ...spec, awaitReady: false })]
      const { started, exited, alive } = await live({ ...all, clock: clock as VirtualClock, children }, explodes)
      expect({ alive, left: started - exited }).toEqual({ alive: 0, left: 0 })
    }
  })
})

test('C1: listeners that fail are reported with the name of the event, and the children live as without listeners', async () => {
  const quiet = await live({}, () => undefined)
  const loud = await live({}, explodes)
  expect(loud).toEqual(quiet)
  expect(loud).toMatchObject({ started: 8, exited: 8, alive: 0, status: 'done' })
  const told = new Set(reported().map((what) => /^a listener for (\S+) of supervisor app failed$/.exec(what)?.[1]))
  expect([...told].sort()).toEqual(Object.keys(EVENTS).sort())
})

test('C1: an inspector whose getter throws is reported once', async () => {
  const inspect = Object.defineProperty({}, 'next', { get: explode }) as NonNullable<SupervisorOptions['inspect']>
  const quiet = await live({}, () => undefined)
  expect(await live({ inspect }, () => undefined)).toEqual(quiet)
  expect(reported()).toEqual(['the inspector of supervisor app failed'])
})

test('the supervisor answers operations that listeners call at every event', async () => {
  const settled: Promise<unknown>[] = []
  const { started, exited, alive } = await live({}, (app) => {
    for (const event of Object.keys(EVENTS) as (keyof SupervisorEvents)[]) {
      const listener = (): void => {
        app.off(event, listener)
        app.on(event, () => undefined)
        const operations: Promise<unknown>[] = [
          ...[app.countChildren(), app.whichChildren(), app.startChild(child(`more-${event}`)), app.unpark('a')],
          ...[app.terminateChild('b'), app.restartChild('a'), app.call('a', { type: 'get' }, { timeout: 5 })],
          ...(event === 'child.parked' ? [app.stop()] : []),
        ]
        settled.push(...operations.map((operation) => operation.catch(ignored)))
        app.ref.getSnapshot().supervised.forEach(({ state }) => {
          expect(state).toEqual(expect.any(String))
        })
      }
      app.on(event, listener)
    }
  })
  expect({ alive, left: started - exited }).toEqual({ alive: 0, left: 0 })
  await time.advance(10_000)
  expect(settled.length).toBeGreaterThan(20)
  await Promise.all(settled) // each settles, or this test does not end
})

test('failing listeners of a registry, monitors and observers are reported once for each event', async () => {
  const registry = createRegistry<string>({ keys: 'unique', listeners: [explode, reject, thenable] })
  const app = createSupervisor({ id: 'app', clock: time, children: [child('a', { logic: obedient })] })
  await app.start()
  const { ref } = app.children[0] ?? {}
  if (ref === undefined) throw new Error('not started')
  for (const fail of [explode, reject, thenable]) {
    ref.subscribe(fail)
    ref.on('*', fail)
    monitor(ref, fail)
  }
  registry.register('key', ref)
  expect(registry.whereis('key')).toBe(ref)
  registry.unregister('key', ref)
  await app.stop()
  await turn()
  const times = (what: string): number => reported().filter((each) => each === what).length
  expect(times('a listener for register of a registry failed')).toBe(3)
  expect(times('a listener for unregister of a registry failed')).toBe(3)
  expect(times('the monitor of actor a failed')).toBe(3)
})

test('an unknown child is reported as an invalid argument, not as a stopped supervisor', async () => {
  const app = createSupervisor({ id: 'app', clock: time, children: [child('a')] })
  await app.start()
  const operations = [
    () => app.call('unknown', { type: 'get' }),
    () => app.unpark('unknown'),
    () => app.restartChild('unknown'),
    () => app.terminateChild('unknown'),
    () => app.deleteChild('unknown'),
    () => app.getChildSpec('unknown'),
    () => app.reconfigure(child('unknown')),
  ]
  for (const operation of operations) {
    const refused = { code: 'INVALID_ARGUMENT', details: { reason: 'not_found' } }
    await expect(operation()).rejects.toMatchObject(refused)
  }
  await app.stop()
})

test('a console that throws does not stop the supervisor', async () => {
  console.error = explode
  const quiet = { ...(await live({ classify: explode, inspect: explode }, explodes)) }
  expect(quiet).toMatchObject({ alive: 0, status: 'done' })
})
