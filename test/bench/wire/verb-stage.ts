// The stage of the wire suite about the other verbs: streams, host calls, sessions and batches.
import { figure, type Figure } from '../figure.ts'
import { inTurns, mediansOf } from '../measure.ts'
import { compare, openAll } from './compare.ts'
import type { Stage, StageContext } from './stage.ts'

const BYTES = 100

async function verbs(context: StageContext): Promise<Figure[]> {
  const streams = await compare(
    context,
    { stream: { kind: 'stream' }, lines: { kind: 'lines' }, writes: { kind: 'writes' } },
    [
      {
        label: 'items of 1 KiB',
        of: 'items',
        bytes: 1024,
        inFlight: 1,
        contenders: ['lines', 'writes', 'stream'],
        targets: [
          ['stream', 'lines', { atLeast: 2.5 }],
          ['stream', 'writes', { atLeast: 1.4 }],
        ],
      },
    ],
  )
  const calls = await compare(
    context,
    { call: { kind: 'pool' }, session: { kind: 'toolSession' }, host: { kind: 'hostCalls' } },
    [
      {
        label: 'p50 at 1',
        of: 'p50',
        bytes: BYTES,
        inFlight: 1,
        contenders: ['call', 'session', 'host'],
        targets: [
          ['session', 'call', { atMost: 1.1 }],
          ['host', 'call', { atMost: 1.5 }],
        ],
      },
    ],
  )
  return [...streams, ...calls, await batches(context)]
}

/** The tool takes 1 ms, and 10 µs for each of 64 items: no batch can be faster. */
const IDEAL = 64 / (0.001 + 64 * 10e-6)

async function batches(context: StageContext): Promise<Figure> {
  const { quick, signal, log } = context
  const { open, close } = await openAll(context, { batches: { kind: 'batches' } })
  try {
    log('batches of 64 at 128')
    const round = { bytes: BYTES, inFlight: 128, duration: quick ? 40 : 500 }
    const rounds = await inTurns(
      [...open.values()].map((contender) => () => contender.round(round, signal)),
      quick ? 1 : 7,
    )
    return figure({
      name: 'batches of 64 at 128',
      value: mediansOf(rounds.flat()).rate,
      unit: 'calls/s',
      against: { name: 'a tool of 1 ms and 10 µs an item without a pause', value: IDEAL },
      target: { atLeast: 0.7 },
    })
  } finally {
    await close()
  }
}

export const verbStage: Stage = { name: 'verbs', isPinned: false, run: verbs }
