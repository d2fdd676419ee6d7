/** A contender: sends back the bytes of each request. */
export interface Contender {
  readonly name: string
  readonly echo: (payload: Buffer) => Promise<unknown>
}

export interface MeasureOptions {
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
  const rounds: Measurement[][] = contenders.map(() => [])
  for (let round = -1; round < options.rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const measurement = await runRound(contender, options)
      if (round >= 0) rounds[index]?.push(measurement)
    }
  }
  return rounds.map((measurements) => ({
    rate: median(measurements.map(({ rate }) => rate)),
    p50: median(measurements.map(({ p50 }) => p50)),
  }))
}

async function runRound(
  { name, echo }: Contender,
  { payloads, inFlight, duration, signal }: MeasureOptions,
): Promise<Measurement> {
  const latencies: number[] = []
  let next = 0
  const start = performance.now()
  const end = start + duration
  const requestUntilEnd = async (): Promise<void> => {
    let begun = performance.now()
    // At least once, even if the time is over.
    do {
      signal.throwIfAborted()
      const payload = payloads[next++ % payloads.length]
      if (payload === undefined) throw new RangeError('no payloads')
      const reply = await echo(payload)
      if (!(reply instanceof Uint8Array) || !payload.equals(reply)) {
        throw new Error(`${name} answered ${payload.toString('hex')} with ${describe(reply)}`)
      }
      const now = performance.now()
      latencies.push(now - begun)
      begun = now
    } while (begun < end)
  }
  await Promise.all(Array.from({ length: inFlight }, requestUntilEnd))
  const seconds = (performance.now() - start) / 1_000
  return { rate: latencies.length / seconds, p50: median(latencies) * 1_000 }
}

function describe(reply: unknown): string {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString('hex') : String(reply)
}

/** The median; of an even number of values the lower of the middle two. */
export function median(values: readonly number[]): number {
  const value = Float64Array.from(values).sort()[(values.length - 1) >> 1]
  if (value === undefined) throw new RangeError('the median of nothing')
  return value
}
