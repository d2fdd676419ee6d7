import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { figure, type Figure, type Target } from '../figure.ts'
import { measure, type Contender, type Measurement } from '../measure.ts'
import type { BenchContext, Suite } from '../suite.ts'
import { openPool } from './pool-call.ts'
import { openRawSocket } from './raw-socket.ts'
import { openUnary } from './unary.ts'

const PAYLOADS = 251
const PAYLOAD_BYTES = 100
const MANY = 64

interface Closable {
  readonly close: () => Promise<void>
}

/** What a call costs beside what it could cost at best, and beside what it usually costs. */
export const wire: Suite = {
  name: 'wire',
  description: `pool.call beside a raw Unix socket and unary gRPC: ${PAYLOAD_BYTES} bytes there and back, 1 and ${MANY} in flight`,
  run: async (context) => {
    const { python, signal } = context
    const directory = await mkdtemp(join(tmpdir(), 'terrarium-bench-'))
    const opened: Closable[] = []
    const open = async <T extends Closable>(opening: () => Promise<T>): Promise<T> => {
      signal.throwIfAborted()
      const contender = await opening()
      opened.push(contender)
      return contender
    }
    try {
      const raw = await open(() => openRawSocket(python, directory))
      const unary = await open(() => openUnary(python, directory))
      const narrow = await open(() => openPool(python, directory, 1))
      const wide = await open(() => openPool(python, directory, MANY))
      return [
        ...(await compare([raw, unary, narrow], context, {
          inFlight: 1,
          figureOf: ({ p50 }) => p50,
          label: 'p50 at 1',
          unit: 'µs',
          target: { atMost: 0.7 },
        })),
        ...(await compare([raw, unary, wide], context, {
          inFlight: MANY,
          figureOf: ({ rate }) => rate,
          label: `at ${MANY}`,
          unit: 'calls/s',
          target: { atLeast: 10 },
        })),
      ]
    } finally {
      await closeAll(opened)
      await rm(directory, { recursive: true })
    }
  },
}

interface Comparison {
  readonly inFlight: number
  readonly figureOf: (measurement: Measurement) => number
  readonly label: string
  readonly unit: string
  /** Of pool.call against unary gRPC. */
  readonly target: Target
}

async function compare(
  contenders: readonly [raw: Contender, unary: Contender, pool: Contender],
  { seed, quick, signal, log }: BenchContext,
  { inFlight, figureOf, label, unit, target }: Comparison,
): Promise<Figure[]> {
  log(`${contenders.map(({ name }) => name).join(', ')} in turns, ${inFlight} in flight`)
  const measurements = await measure(contenders, {
    payloads: payloadsOf(seed),
    inFlight,
    rounds: quick ? 3 : 7,
    duration: quick ? 200 : 1_000,
    signal,
  })
  const [raw, unary, pool] = contenders.map(({ name }, index) => {
    const measurement = measurements[index]
    return { name: `${name}, ${label}`, value: measurement === undefined ? NaN : figureOf(measurement) }
  }) as [Result, Result, Result]
  return [
    figure({ ...raw, unit }),
    figure({ ...unary, unit, against: raw }),
    figure({ ...pool, unit, against: raw }),
    figure({ ...pool, unit, against: unary, target }),
  ]
}

type Result = Pick<Figure, 'name' | 'value'>

/** Payloads that differ, so that an answer meant for another call is noticed. */
function payloadsOf(seed: number): Buffer[] {
  const bytes = createHash('shake256', { outputLength: PAYLOADS * PAYLOAD_BYTES })
    .update(`wire ${seed}`)
    .digest()
  return Array.from({ length: PAYLOADS }, (_, index) =>
    bytes.subarray(index * PAYLOAD_BYTES, (index + 1) * PAYLOAD_BYTES),
  )
}

/** Closes all, even if one of them fails to. */
async function closeAll(opened: readonly Closable[]): Promise<void> {
  const outcomes = await Promise.allSettled(opened.map(({ close }) => close()))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
