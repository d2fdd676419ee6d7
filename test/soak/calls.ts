// The calls of the soak: of what kinds, how often, and how each may end.
import { getEventListeners, setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { CallOptions, Pool } from '@terrarium/pool'
import type { Random } from '../support/random.ts'
import { turn, within } from '../support/waiting.ts'
import { CALLING_BACK, exposeFunctions } from './host-calls.ts'
import { useSessions } from './sessions.ts'
import { STREAMING, type Streaming } from './streams.ts'
import { countRejection, newTally, note, type Tally } from './tally.ts'

/** How one call is made, and what it may be answered with. */
interface Planned {
  readonly tool: string
  readonly args: Record<string, unknown>
  readonly options?: CallOptions
  /** The value that it has to resolve with, if it resolves. */
  readonly value: unknown
  /** Codes that it may be rejected with, besides those of a death. */
  readonly codes?: readonly string[]
  /** Called once the call was made. */
  readonly then?: () => void
  /** Makes it in another way than by `call`. */
  readonly make?: Streaming['make']
  readonly calls?: number
}

type Kind = (random: Random, number: number) => Planned

/** Kinds that leave their worker alive, by how often they come. */
const PEACEFUL: Readonly<Record<string, readonly [weight: number, kind: Kind]>> = {
  short: [40, (random) => echoOf(bytesOf(random, random.between(0, 200)))],
  medium: [20, (random) => echoOf(bytesOf(random, random.between(200, 60_000)))],
  long: [2, (random) => echoOf(bytesOf(random, random.between(60_000, 4_000_000)))],
  array: [2, (random) => echoOf(new Float64Array(random.between(1, 200_000)).fill(random.next()))],
  text: [2, (random) => echoOf('é'.repeat(random.between(1, 300_000)))],
  list: [2, (random) => echoOf(Array.from({ length: random.between(1, 5_000) }, (_, index) => ({ index })))],
  async: [10, (random, value) => ({ tool: 'echo_later', args: { value, seconds: random.next() / 100 }, value })],
  fails: [
    4,
    (_, number) => ({ tool: 'fail', args: { message: `no ${number}` }, value: NONE, codes: ['PYTHON_ERROR'] }),
  ],
  unsendable: [2, () => ({ tool: 'unsendable', args: {}, value: NONE, codes: ['RESULT_NOT_SENDABLE'] })],
  unknown: [2, () => ({ tool: 'nothing', args: {}, value: NONE, codes: ['TOOL_NOT_FOUND'] })],
  wrong: [2, () => ({ tool: 'fail', args: { nonsense: 1 }, value: NONE, codes: ['INVALID_ARGUMENT'] })],
  says: [2, (_, number) => ({ tool: 'say', args: { text: `${number}` }, value: `${number}`.length })],
  overdue: [4, overdue],
  cancelled: [4, cancelled],
}

/** Kinds that take their worker with them. */
const VIOLENT: typeof PEACEFUL = {
  dies: [0.2, () => ({ tool: 'die', args: {}, value: NONE, codes: ['WORKER_CRASHED'] })],
  poison: [0.1, () => ({ tool: 'die', args: {}, options: { idempotent: true }, value: NONE, codes: ['POISON_CALL'] })],
  overruns: [0.2, () => ({ tool: 'sleep', args: { seconds: 30 }, options: { timeout: 30 }, value: NONE, codes: LATE })],
}

const streaming =
  (kind: (random: Random) => Streaming): Kind =>
  (random) => ({ tool: '', args: {}, ...kind(random) })

/** The value of a call that must not resolve. */
const NONE = Symbol('none')
const LATE = ['DEADLINE_EXCEEDED', 'QUEUE_TIMEOUT']

const echoOf = (value: unknown): Planned => ({ tool: 'echo', args: { value }, value })

const bytesOf = (random: Random, length: number): Buffer => Buffer.alloc(length, random.between(1, 255))

function overdue(random: Random, value: number): Planned {
  const timeout = random.between(1, 30)
  return { tool: 'echo_later', args: { value, seconds: 0.02 }, options: { timeout }, value, codes: LATE }
}

function cancelled(random: Random, value: number): Planned {
  const cancellation = new AbortController()
  const after = random.between(0, 10)
  const then = (): void => {
    if (after === 0) cancellation.abort()
    else setTimeout(() => { cancellation.abort() }, after).unref() // prettier-ignore
  }
  const options = { signal: cancellation.signal }
  return { tool: 'echo_later', args: { value, seconds: 0.005 }, options, value, codes: ['CANCELLED'], then }
}

/** Callers that use sessions, besides the others. */
const SESSION_USERS = 4
/** How long a pool may settle no call while some are open, in ms. */
const PATIENCE = 30_000
/** Between two looks at whether calls are settled, in ms. */
const LOOK_EVERY = 500

export interface CallersOptions {
  readonly pool: Pool
  readonly random: Random
  readonly callers: number
  /** Whether workers die: by kinds of calls of their own, and by kills. */
  readonly isWild: boolean
  /** The file in which calls of `mark` leave their numbers. */
  readonly marks: string
  readonly isOver: () => boolean
  /** Called when calls are open and none is settled any more. */
  readonly onStall: () => Promise<void>
}

/** Calls until it is over, and resolves when all calls are settled, or when they stall. */
export async function makeCalls({
  pool,
  random,
  callers,
  isWild,
  marks,
  isOver,
  onStall,
}: CallersOptions): Promise<Tally> {
  const tally = newTally()
  const deaths = isWild ? ['WORKER_CRASHED', 'POISON_CALL', ...LATE] : []
  exposeFunctions(pool, tally, deaths)
  const streams = Object.fromEntries(
    // How many calls of a map were made before one of them died is not known.
    Object.entries({ ...STREAMING, ...CALLING_BACK })
      .filter(([name]) => !isWild || name !== 'mapped')
      .map(([name, [weight, kind]]) => [name, [weight, streaming(kind)] as const]),
  )
  const mark: Kind = (_, number) => ({ tool: 'mark', args: { path: marks, number }, value: number })
  const kinds: typeof PEACEFUL = { ...PEACEFUL, ...streams, mark: [6, mark] as const, ...(isWild ? VIOLENT : {}) }
  const weights = Object.fromEntries(Object.entries(kinds).map(([name, [weight]]) => [name, weight]))
  // Calls that are over have to leave a signal that lasts.
  const lasting = new AbortController()
  setMaxListeners(callers, lasting.signal)
  const one = async (): Promise<void> => {
    const name = random.weighted(weights)
    const kind = kinds[name]?.[1] as Kind
    const planned = kind(random, ++tally.issued)
    // Calls that must run at most once are not idempotent; half of the others are.
    const isIdempotent = name !== 'mark' && name !== 'dies' && random.chance(0.5)
    const { signal } = random.chance(0.2) ? lasting : { signal: undefined }
    const more = signal === undefined ? {} : { signal }
    const called =
      planned.make?.(pool, more) ??
      pool.call(planned.tool, planned.args, { idempotent: isIdempotent, ...more, ...planned.options })
    planned.then?.()
    try {
      const value = await called
      tally.resolved += 1
      tally.more += (planned.calls ?? 1) - 1
      if (planned.value === NONE || !isSame(planned.value, value)) note(tally, `${name} resolved with ${show(value)}`)
    } catch (error) {
      const code = countRejection(tally, error)
      if (![...(planned.codes ?? []), ...deaths].includes(code)) note(tally, `${name} was rejected: ${String(error)}`)
    }
  }
  // A call that is refused at once must not keep the event loop from the other callers.
  const caller = async (): Promise<void> => {
    while (!isOver()) {
      await one()
      await turn()
    }
  }
  const users = Array.from({ length: SESSION_USERS }, () => useSessions({ pool, random, tally, deaths, isOver }))
  const all = Promise.all([...Array.from({ length: callers }, caller), ...users])
  await Promise.race([all, stallOf(tally)])
  // The call of a nested call may be settled before it.
  await within(5_000, () => tally.host.open === 0)
  if (tally.host.open > 0) note(tally, `${tally.host.open} host calls are open`)
  const open = tally.issued - tally.resolved - tally.rejected
  if (open > 0) {
    note(tally, `${open} calls are open, and none was settled for ${PATIENCE} ms`)
    await onStall()
  }
  const listeners = getEventListeners(lasting.signal, 'abort').length
  if (listeners > 0) note(tally, `${listeners} listeners are left on a signal`)
  return tally
}

/**
 * Resolves when no call was settled for too long. Looks are counted, not time: while this process stands still, nothing
 * can be settled.
 */
async function stallOf(tally: Tally): Promise<void> {
  for (let last = -1, same = 0; same * LOOK_EVERY < PATIENCE;) {
    const settled = tally.resolved + tally.rejected
    same = settled === last ? same + 1 : 0
    last = settled
    await sleep(LOOK_EVERY, undefined, { ref: false })
  }
}

function isSame(sent: unknown, got: unknown): boolean {
  if (Buffer.isBuffer(sent)) return got instanceof Uint8Array && sent.equals(got)
  if (sent instanceof Float64Array)
    return got instanceof Float64Array && got.length === sent.length && got[0] === sent[0]
  if (Array.isArray(sent)) return JSON.stringify(sent) === JSON.stringify(got)
  return sent === got
}

const show = (value: unknown): string => inspect(value).slice(0, 100)
