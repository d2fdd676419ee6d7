// Compares the tables of docs/supervisor with the options, defaults, events and classes that the code has.
import { expect, test } from '@jest/globals'
import { fromTransition } from 'xstate'
import { plain, shown, tableRows, type Row } from '../../../test/support/markdown.ts'
import { namedDefault, Shapes } from '../../../test/support/shapes.ts'
import { DEFAULT_BACKOFF } from '../src/policy/backoff.ts'
import { DEFAULT_BREAKER } from '../src/policy/breaker.ts'
import { DEFAULT_CRASH_LOOP } from '../src/policy/crash-loop.ts'
import { DEFAULT_JOURNAL } from '../src/replay/journal.ts'
import { resolveOptions } from '../src/spec/options.ts'
import { resolveSpec } from '../src/spec/spec.ts'
import { supervisor } from '../src/index.ts'

const OPTIONS = 'docs/supervisor/options.md'
const RULES = 'docs/supervisor/rules.md'
const EVENTS = 'docs/supervisor/events.md'
const README = 'packages/supervisor/README.md'
const OTP = 'docs/supervisor/otp.md'

const shapes = new Shapes(
  ...['index', 'replay', 'strategies', 'policy/crash-loop'].map((name) => `packages/supervisor/src/${name}.ts`),
)
const namesOf = (type: string): string[] => shapes.members(type).map(({ name }) => name)

/** The name in the first cell, which may have a mark behind it. */
const nameOf = (row: Row): string => /^`([\w.]+)`/.exec(Object.values(row)[0] ?? '')?.[1] ?? ''

/** The defaults of a table by option, without code marks. */
const defaultsIn = (rows: readonly Row[]): Record<string, string> =>
  Object.fromEntries(rows.map((row) => [nameOf(row), plain(row.default)]))

const logic = fromTransition((state: number) => state, 0)
const defaults = resolveOptions({ id: 'id', children: [] })
const otpDefaults = resolveOptions({ id: 'id', children: [], mode: 'otp' })

test('the table of options has each option with its default', () => {
  const { strategy, mode, intensity, period, startRate, autoShutdown, maxChildren, windowClock } = defaults
  const { extraInput, giveUpWith, stopDuringStart, keepHistory, reviveStopped, classify } = defaults
  const known = {
    strategy: strategy.name,
    restartStrategy: resolveOptions({ id: 'id', strategy: 'dynamic' }).strategy.name,
    ...{ mode, intensity, period, startRate, autoShutdown, maxChildren, windowClock, giveUpWith, stopDuringStart },
    ...{ keepHistory, reviveStopped, extraInput, classify },
    children: [],
  }
  const rows = tableRows(OPTIONS, 'Of the supervisor')
  expect(rows.map(nameOf).sort()).toEqual(namesOf('SupervisorOptions').sort())
  expect(defaultsIn(rows)).toEqual({
    ...Object.fromEntries(Object.entries(known).map(([name, value]) => [name, plain(shown(value))])),
    id: 'required',
    backoff: '[below](#backoff)',
    breaker: '[below](#breaker)',
    crashLoop: '[below](#crashloop)',
    clock: "the system's",
    random: 'Math.random',
    onFault: 'console.error',
    inspect: 'none',
    snapshot: 'none',
    journal: 'none',
  })
})

test.each([
  ['Backoff', 'BackoffOptions', DEFAULT_BACKOFF],
  ['Breaker', 'BreakerOptions', DEFAULT_BREAKER],
  ['`crashLoop`', 'CrashLoopOptions', DEFAULT_CRASH_LOOP],
  ['Journal', 'JournalOptions', DEFAULT_JOURNAL],
])('the table %s has each option with its default, and the doc comments name the same', (heading, type, values) => {
  const rows = tableRows(OPTIONS, heading)
  const value = (name: string): unknown => (values as Readonly<Record<string, unknown>>)[name]
  const members = shapes.members(type)
  expect(rows.map(nameOf).sort()).toEqual(members.map(({ name }) => name).sort())
  expect(defaultsIn(rows)).toEqual(Object.fromEntries(members.map(({ name }) => [name, plain(shown(value(name)))])))
  const named = members
    .map(({ name, doc }) => [name, namedDefault(doc)] as const)
    .filter(([, found]) => found !== undefined)
  expect(named.length).toBeGreaterThan(0)
  expect(named).toEqual(named.map(([name]) => [name, plain(shown(value(name)))]))
})

test('the table of a child has each option with its default', () => {
  const mode = { mode: 'default', backoff: {}, breaker: {} } as const
  const ofWorker = resolveSpec({ id: 'id', logic }, mode)
  const ofSupervisor = resolveSpec({ id: 'id', logic: supervisor({ id: 'nested', children: [] }) }, mode)
  const rows = tableRows(OPTIONS, 'Of a child')
  expect(rows.map(nameOf).sort()).toEqual(namesOf('ChildSpec').sort())
  const { systemId, restart, ready, startTimeout, awaitReady, onExhausted, significant, resume } = ofWorker
  const { meta, dependsOn } = ofWorker
  const known = {
    ...{ systemId, restart, ready, startTimeout, awaitReady, onExhausted, significant, meta, resume },
    ...{ dependsOn: dependsOn.length === 0 ? undefined : dependsOn, input: undefined },
  }
  expect(defaultsIn(rows)).toEqual({
    ...Object.fromEntries(Object.entries(known).map(([name, value]) => [name, plain(shown(value))])),
    id: 'required',
    logic: 'required',
    shutdown: `${shown(ofWorker.shutdown)}; of a supervisor ${plain(shown(ofSupervisor.shutdown))}`,
    type: `${ofWorker.type}; of a supervisor ${ofSupervisor.type}`,
    backoff: "the supervisor's",
    breaker: "the supervisor's",
  })
})

test('the table of modes has each setting in which they differ', () => {
  const rows = tableRows(OTP, 'Where the default mode differs from OTP')
  const policies = ({ resolveSpec: resolve }: typeof defaults) => {
    const { backoff, breaker } = resolve({ id: 'id', logic })
    return { backoff, breaker }
  }
  const both = { ...defaults, ...policies(defaults) }
  const otp = { ...otpDefaults, ...policies(otpDefaults) }
  const text = (value: unknown): string => (typeof value === 'object' ? 'on' : plain(shown(value)))
  const differing = Object.entries(both)
    .map(([name, value]) => [name, text(value), text(otp[name as keyof typeof otp])] as const)
    .filter(([name, value, inOtp]) => value !== inOtp && !['mode', 'resolveSpec'].includes(name))
  const expected = [...differing, ['reviveStopped', text(both.reviveStopped), text(otp.reviveStopped)] as const]
  const found = rows.map((row) => [nameOf(row), plain(row['default mode']), plain(row['mode `otp`'])])
  expect(found.sort()).toEqual(expected.map((each) => [...each]).sort())
})

test.each([
  ['Explain', 'Explanation'],
  ['What-if', 'WhatIf'],
])('the table of %s has each field of its answer', (heading, type) => {
  expect(tableRows('docs/explain.md', heading).map(nameOf).sort()).toEqual(namesOf(type).sort())
})

test('the table of events has each event with its fields', () => {
  const common = new Set(['type', 'supervisor', 'id', 'incarnation', 'ref'])
  const expected = [...shapes.events('SupervisorEvents')].map(([name, fields]) => [
    name,
    fields.filter((field) => !common.has(field)).sort(),
  ])
  const rows = tableRows(EVENTS, 'Events')
  const found = rows.map((row) => [
    nameOf(row),
    [...(row.more ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(),
  ])
  expect(found.sort()).toEqual(expected.sort())
  expect(tableRows(EVENTS, 'Events', 1).map(nameOf).sort()).toEqual(namesOf('FailureInfo').sort())
})

test('the tables of snapshots, failure classes, restart types, strategies and stop options are complete', () => {
  const names = (path: string, heading: string, index = 0): string[] =>
    tableRows(path, heading, index).map(nameOf).sort()
  expect(names(EVENTS, 'Snapshots as JSON')).toEqual(namesOf('SupervisorJson').sort())
  expect(names(RULES, 'Failure classes')).toEqual([...shapes.literals('FailureClass')].sort())
  expect(names(README, '@terrarium/supervisor')).toEqual([...shapes.literals('RestartType')].sort())
  expect(names(RULES, 'Stop')).toEqual(namesOf('SupervisorStopOptions').sort())
  const strategies = tableRows(README, '@terrarium/supervisor', 1).map(nameOf)
  expect(strategies.filter(Boolean).sort()).toEqual(
    [...shapes.literals('StrategyName'), ...shapes.literals('DynamicStrategyName')].sort(),
  )
})
