// The rows of the supervisor suite, with their sizes and targets.
import type { Target } from '../figure.ts'
import type { ScenarioName, Size, Trial } from './trial.ts'

/** `terrarium` is in mode `otp`, in which it does what Erlang does; the targets are for it. */
export type ContenderName =
  | 'terrarium'
  | 'terrariumDefault'
  | 'terrariumUnlimited'
  | 'terrariumRoomy'
  | 'bare'
  | 'nact'
  | 'erlang'

/** The size of V8's young generation that a server with many actors would set, in MB. V8's default is 16. */
export const ROOMY = '--max-semi-space-size=64'

export interface Entrant {
  readonly contender: ContenderName
  readonly scenario: ScenarioName
  /** How it differs from the first of its side. */
  readonly note?: string
}

/** One kind of trial, measured side by side. */
export interface Row {
  /** Completes with its size. */
  readonly label: (size: Readonly<Record<keyof Size, string>>) => string
  readonly trial: Omit<Trial, 'scenario'>
  /** Which figure of the samples is compared; it is also its unit unless there is one. */
  readonly key: string
  readonly unit?: string
  /** The first is compared with every rival, the others with Erlang only. */
  readonly ours: readonly Entrant[]
  readonly rivals: readonly Entrant[]
  /** The targets of the first Terrarium entrant, by rival. */
  readonly targets?: Partial<Record<ContenderName, Target>>
}

/** Without and with what the default mode adds: backoff, breaker, and the limits of restarts and starts. */
const both = (scenario: ScenarioName): Entrant[] => [
  { contender: 'terrarium', scenario },
  { contender: 'terrariumDefault', scenario, note: 'default mode' },
]

/** As `both`, for trials with so many restarts that the default mode would wait or give up. */
const bothUnlimited = (scenario: ScenarioName): Entrant[] => [
  { contender: 'terrarium', scenario },
  { contender: 'terrariumUnlimited', scenario, note: 'default mode without backoff, breaker and limits' },
]

const all = (scenario: ScenarioName): Entrant[] => [
  { contender: 'erlang', scenario },
  { contender: 'bare', scenario },
  { contender: 'nact', scenario },
]

/** How large a trial is, and how long it is repeated in one process. */
const sized = (children: number, operations: number, warmups: number, duration: number): Row['trial'] => ({
  children,
  operations,
  warmups,
  duration,
})

const stop = (trial: Row['trial'], ours: Row['ours']): Row => ({
  label: ({ children }) => `stop ${children} children`,
  trial,
  key: 'ms',
  ours,
  rivals: all('stop'),
  targets: { erlang: { atMost: 0.5 } },
})

const restarts = (trial: Row['trial']): Omit<Row, 'label' | 'key'> => ({
  trial,
  ours: bothUnlimited('restarts'),
  rivals: all('restarts'),
})

export const ROWS = {
  start: {
    label: ({ children }) => `start ${children} dynamic children`,
    trial: sized(10_000, 0, 10, 1_000),
    key: 'children/s',
    ours: [
      // As in Erlang, where start_child answers before the next one is asked for.
      { contender: 'terrarium', scenario: 'startAwaited', note: 'each awaited' },
      { contender: 'terrariumDefault', scenario: 'startAwaited', note: 'each awaited, default mode' },
      { contender: 'terrariumRoomy', scenario: 'startAwaited', note: `each awaited, with ${ROOMY}` },
      { contender: 'terrarium', scenario: 'start', note: 'issued at once' },
      { contender: 'terrariumDefault', scenario: 'start', note: 'issued at once, default mode' },
      { contender: 'terrariumRoomy', scenario: 'start', note: `issued at once, with ${ROOMY}` },
    ],
    rivals: [...all('start'), { contender: 'bare', scenario: 'startAlone', note: 'without a parent' }],
    targets: { erlang: { atLeast: 1 } },
  },
  stopMany: stop(sized(10_000, 0, 10, 1_000), both('stop')),
  stopMore: stop(sized(100_000, 0, 1, 0), [{ contender: 'terrarium', scenario: 'stop' }]),
  restarts: {
    ...restarts(sized(100, 10_000, 2, 1_000)),
    label: ({ children, operations }) => `${operations} restarts in sequence among ${children} children`,
    key: 'restarts/s',
    targets: { erlang: { atLeast: 5 }, nact: { atLeast: 10 } },
  },
  storm: {
    label: ({ children }) => `${children} children crash at once, until all run again`,
    trial: sized(10_000, 0, 1, 1_000),
    key: 'ms',
    ours: bothUnlimited('storm'),
    rivals: all('storm'),
    targets: { erlang: { atMost: 0.25 } },
  },
  restartsAmongMany: {
    ...restarts(sized(10_000, 10_000, 1, 1_000)),
    label: ({ children, operations }) => `${operations} restarts in sequence among ${children} children`,
    key: 'restarts/s',
  },
  restartCost: {
    label: ({ children }) => `cost per restart among ${children} children`,
    trial: sized(10_000, 10_000, 1, 1_000),
    key: 'many',
    unit: 'µs',
    ours: [{ contender: 'terrarium', scenario: 'restartCost' }],
    rivals: [{ contender: 'bare', scenario: 'restartCost' }],
  },
  journal: {
    label: ({ children }) => `restarts in sequence with a journal, among ${children} children`,
    trial: sized(100, 10_000, 4, 4_000),
    key: 'with',
    unit: 'restarts/s',
    ours: [{ contender: 'terrariumUnlimited', scenario: 'journal' }],
    rivals: [],
  },
  group: {
    label: ({ children }) => `one_for_all restart of ${children} children`,
    trial: sized(1_000, 0, 10, 1_000),
    key: 'ms',
    ours: bothUnlimited('group'),
    rivals: all('group'),
    targets: { erlang: { atMost: 1.5 } },
  },
  send: {
    label: () => 'send to a supervised child',
    trial: sized(1, 100_000, 6, 2_000),
    key: 'messages/s',
    ours: [{ contender: 'terrarium', scenario: 'send' }],
    rivals: [],
  },
  memory: {
    label: ({ children }) => `memory of a child, of ${children}`,
    trial: sized(100_000, 0, 0, 0),
    key: 'bytes',
    ours: [
      { contender: 'terrarium', scenario: 'memory' },
      { contender: 'terrarium', scenario: 'memoryStatic', note: 'static children' },
    ],
    rivals: all('memory'),
  },
  latency: {
    ...restarts(sized(1_000, 10_000, 2, 1_000)),
    label: ({ children }) => `crash to the new initial snapshot, p50 with ${children} children`,
    key: 'p50',
    unit: 'µs',
  },
} as const satisfies Record<string, Row>

/** A row at a twentieth of its size, once and cold, to see that it works. */
export function quickened(row: Row): Row {
  const { children, operations } = row.trial
  const fewer = (count: number): number => Math.ceil(count / 20)
  return { ...row, trial: sized(fewer(children), fewer(operations), 0, 0) }
}
