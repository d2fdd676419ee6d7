// The suite `wire`.
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

/** Measures a call beside the least that it could cost, and beside unary gRPC. */
export const wire: Suite = {
  name: 'wire',
  description: `pool.call beside a raw Unix socket and unary gRPC: ${PAYLOAD_BYTES} bytes there and back, 1 and ${MANY} in flight`,
  needsWorkers: true,
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
      // A pool without any options, and a pool whose worker takes all calls at a time.
      const pool = await open(() => openPool(python, directory))
      const wide = await open(() => openPool(python, directory, MANY))
      return [
        ...(await compare(context, {
          contenders: { raw, unary, pools: [pool] },
          inFlight: 1,
          figureOf: ({ p50 }) => p50,
          label: 'p50 at 1',
          unit: 'µs',
          target: { atMost: 0.7 },
        })),
        ...(await compare(context, {
          contenders: { raw, unary, pools: [pool, wide] },
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
  readonly contenders: {
    readonly raw: Contender
    readonly unary: Contender
    /** The target is for the first. */
    readonly pools: readonly Contender[]
  }
  readonly inFlight: number
  readonly figureOf: (measurement: Measurement) => number
  readonly label: string
  readonly unit: string
  /** Of the first pool against unary gRPC. */
  readonly target: Target
}

async function compare(
  { seed, quick, signal, log }: BenchContext,
  { contenders: { raw, unary, pools }, inFlight, figureOf, label, unit, target }: Comparison,
): Promise<Figure[]> {
  const contenders = [raw, unary, ...pools]
  log(`${contenders.map(({ name }) => name).join(', ')} in turns, ${inFlight} in flight`)
  const measurements = await measure(contenders, {
    payloads: payloadsOf(seed),
    inFlight,
    rounds: quick ? 3 : 7,
    duration: quick ? 200 : 1_000,
    signal,
  })
  const [floor, usual, ...ours] = contenders.map(({ name }, index) => {
    const measurement = measurements[index]
    return { name: `${name}, ${label}`, value: measurement === undefined ? NaN : figureOf(measurement) }
  }) as [Result, Result, ...Result[]]
  return [
    figure({ ...floor, unit }),
    figure({ ...usual, unit, against: floor }),
    ...ours.flatMap((each, index) => [
      figure({ ...each, unit, against: floor }),
      figure({ ...each, unit, against: usual, target: index === 0 ? target : null }),
    ]),
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
