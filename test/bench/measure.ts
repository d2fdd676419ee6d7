// The measurement of contenders that send back what they are sent: in turns, checked, medians of rounds.

/**
 * What a contender is sent for a payload: its bytes, a string of as many ASCII characters, or an array that these bytes
 * are.
 */
export type Form = 'bytes' | 'text' | 'float64'

/** A contender: sends back each payload. */
export interface Contender {
  readonly name: string
  /** Default `bytes`. */
  readonly form?: Form
  /** For how many answers one resolved `echo` counts. Default 1. */
  readonly answers?: number
  readonly echo: (payload: never) => Promise<unknown>
}

export interface MeasureOptions {
  /** ASCII, if a contender is sent text; of a multiple of 8 bytes, if one is sent arrays. */
  readonly payloads: readonly Buffer[]
  /** Requests each contender has open at any time. */
  readonly inFlight: number
  readonly rounds: number
  /** How long each contender runs in a round, and once before the first, in ms. */
  readonly duration: number
  readonly signal: AbortSignal
}

export interface Measurement {
  /** Answers per second. */
  readonly rate: number
  /** The median time from request to answer, in µs. */
  readonly p50: number
}

/**
 * Runs contenders one at a time, in turns, so that other load on the machine affects all of them alike. Returns the
 * medians of the rounds, in the order of the contenders. Rejects on the first answer that differs from its request.
 */
export async function measure(contenders: readonly Contender[], options: MeasureOptions): Promise<Measurement[]> {
  const all = await inTurns(
    contenders.map((contender) => {
      const payloads = formed(options.payloads, contender.form)
      return () => runRound(contender, payloads, options)
    }),
    options.rounds,
  )
  return all.map(mediansOf)
}

/**
 * Calls each function once to warm up, and then `rounds` times, in turns. Returns what each has returned, in the order
 * of the functions.
 */
export async function inTurns<T>(functions: readonly (() => Promise<T>)[], rounds: number): Promise<T[][]> {
  const all: T[][] = functions.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (const [index, run] of functions.entries()) {
      const returned = await run()
      if (round >= 0) all[index]?.push(returned)
    }
  }
  return all
}

export const mediansOf = (measurements: readonly Measurement[]): Measurement => ({
  rate: median(measurements.map(({ rate }) => rate)),
  p50: median(measurements.map(({ p50 }) => p50)),
})

/** One round of one contender. `payloads`: see {@link formed}. */
export async function runRound(
  { name, answers = 1, echo }: Pick<Contender, 'name' | 'answers' | 'echo'>,
  payloads: readonly Payload[],
  { inFlight, duration, signal }: Pick<MeasureOptions, 'inFlight' | 'duration' | 'signal'>,
): Promise<Measurement> {
  const latencies: number[] = []
  let next = 0
  const start = performance.now()
  const end = start + duration
  const requestUntilEnd = async (): Promise<void> => {
    let now: number
    // At least once, even if the time is over.
    do {
      signal.throwIfAborted()
      const payload = payloads[next++ % payloads.length]
      if (payload === undefined) throw new RangeError('no payloads')
      const begun = performance.now()
      const reply = await echo(payload as never)
      now = performance.now()
      latencies.push(now - begun)
      if (!isSame(payload, reply)) throw new Error(`${name} answered ${describe(payload)} with ${describe(reply)}`)
    } while (now < end)
  }
  await Promise.all(Array.from({ length: inFlight }, requestUntilEnd))
  const seconds = (performance.now() - start) / 1_000
  return { rate: (latencies.length * answers) / seconds, p50: median(latencies) * 1_000 }
}

export type Payload = Buffer | string | Float64Array

/** What a contender of this form is sent for these payloads. */
export function formed(payloads: readonly Buffer[], form: Form = 'bytes'): readonly Payload[] {
  if (form === 'bytes') return payloads
  if (form === 'text') return payloads.map((payload) => payload.toString('latin1'))
  return payloads.map((payload) => new Float64Array(new Uint8Array(payload).buffer))
}

function isSame(payload: Payload, reply: unknown): boolean {
  if (typeof payload === 'string') return payload === reply
  if (Buffer.isBuffer(payload)) return reply instanceof Uint8Array && payload.equals(reply)
  return reply instanceof Float64Array && bytesOf(payload).equals(bytesOf(reply))
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)

function describe(value: unknown): string {
  return (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)).slice(0, 300)
}

/** The median; of an even number of values the lower of the middle two. */
export function median(values: readonly number[]): number {
  const value = Float64Array.from(values).sort()[(values.length - 1) >> 1]
  if (value === undefined) throw new RangeError('the median of nothing')
  return value
}
