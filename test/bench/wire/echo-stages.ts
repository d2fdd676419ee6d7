// The stages of the wire suite in which contenders send back bytes: on one core, on all, and with several workers.
import type { Figure } from '../figure.ts'
import { compare, timesFaster } from './compare.ts'
import type { Stage, StageContext } from './stage.ts'

const BYTES = 100
/** More than any row has calls in flight: the pool queues nothing. */
const WIDE = 256
const MiB = 1024 * 1024

/** One core: what a call costs is its whole time. */
const pinned = (context: StageContext): Promise<Figure[]> =>
  compare(
    context,
    {
      raw: { kind: 'raw' },
      shell: { kind: 'shell' },
      pythonia: { kind: 'pythonia' },
      unary: { kind: 'unary' },
      before: { kind: 'before' },
      grpc: { kind: 'pool', shape: { transport: 'grpc' } },
      socket: { kind: 'pool' },
    },
    [
      {
        label: 'p50 at 1, pinned',
        of: 'p50',
        bytes: BYTES,
        inFlight: 1,
        contenders: ['raw', 'shell', 'pythonia', 'unary', 'before', 'grpc', 'socket'],
        targets: [
          ['socket', 'raw', { atMost: 1.8 }],
          ['socket', 'shell', { atMost: 1 }],
          ['socket', 'before', timesFaster(12)],
        ],
      },
    ],
  )

/** All cores, one worker: latency, rate, and payloads from 100 bytes to 16 MiB. */
function free(context: StageContext): Promise<Figure[]> {
  const rates = [8, 16, 64, 256] as const
  const ofShell = { 8: 0.9, 16: 1.1, 64: 1.5, 256: 1.8 }
  return compare(
    context,
    {
      raw: { kind: 'raw' },
      shell: { kind: 'shell' },
      pythonia: { kind: 'pythonia' },
      unary: { kind: 'unary' },
      before: { kind: 'before' },
      'before with concurrency 256': { kind: 'before', shape: { concurrency: WIDE } },
      grpc: { kind: 'pool', shape: { transport: 'grpc' } },
      wideGrpc: { kind: 'pool', shape: { transport: 'grpc', concurrency: WIDE } },
      socket: { kind: 'pool' },
      wide: { kind: 'pool', shape: { concurrency: WIDE } },
      async: { kind: 'pool', shape: { concurrency: WIDE, tools: 'echo_async_tools.py' } },
      array: { kind: 'array', shape: { concurrency: WIDE } },
    },
    [
      {
        label: 'p50 at 1',
        of: 'p50',
        bytes: BYTES,
        inFlight: 1,
        contenders: ['raw', 'shell', 'pythonia', 'unary', 'before', 'grpc', 'socket'],
        targets: [
          ['socket', 'raw', { atMost: 1.3 }],
          ['socket', 'before', timesFaster(5)],
          ['socket', 'unary', { atMost: 0.7 }],
          ['grpc', 'unary', { atMost: 0.7 }],
        ],
      },
      ...rates.map((inFlight) => ({
        label: `at ${inFlight}`,
        of: 'rate' as const,
        bytes: BYTES,
        inFlight,
        contenders: [
          'raw',
          'shell',
          'pythonia',
          'unary',
          'before with concurrency 256',
          'wideGrpc',
          'socket',
          'wide',
        ] as const,
        targets: [
          ['wide', 'shell', { atLeast: ofShell[inFlight] }] as const,
          ...(inFlight === 64
            ? ([
                ['wide', 'before with concurrency 256', { atLeast: 3 }],
                ['socket', 'unary', { atLeast: 10 }],
              ] as const)
            : []),
        ],
      })),
      ...([1, 10] as const).map((kilobytes) => ({
        label: `${kilobytes} KiB at 64`,
        of: 'rate' as const,
        bytes: kilobytes * 1024,
        inFlight: 64,
        contenders: ['raw', 'shell', 'unary', 'before with concurrency 256', 'wideGrpc', 'wide'] as const,
        targets: [['wide', 'shell', { atLeast: 1.5 }] as const],
      })),
      ...([1, 16] as const).map((mebibytes) => ({
        label: `${mebibytes} MiB, p50 at 1`,
        of: 'p50' as const,
        bytes: mebibytes * MiB,
        inFlight: 1,
        contenders: ['raw', 'shell', 'before with concurrency 256', 'wideGrpc', 'wide', 'array'] as const,
        targets: [['wide', 'raw', { atMost: 1.3 }] as const, ['array', 'raw', { atMost: 1.3 }] as const],
        isLong: mebibytes === 16,
      })),
      ...([1, 64] as const).map((inFlight) => ({
        label: `time of a call at ${inFlight}`,
        of: 'time' as const,
        bytes: BYTES,
        inFlight,
        contenders: ['wide', 'async'] as const,
        targets: [['async', 'wide', { atMost: 1.4 }] as const],
      })),
    ],
  )
}

/** Several workers behind 64 callers. */
async function workers(context: StageContext): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [size, ofShell] of [
    [2, 1.5],
    [4, 1.3],
  ] as const) {
    const ofDefaults = size === 2 ? { shell: { atLeast: 0.9 }, before: { atLeast: 3 } } : undefined
    figures.push(
      ...(await compare(
        context,
        {
          shell: { kind: 'shell', size },
          before: { kind: 'before', shape: { size } },
          grpc: { kind: 'pool', shape: { size, transport: 'grpc' } },
          socket: { kind: 'pool', shape: { size } },
          wide: { kind: 'pool', shape: { size, concurrency: WIDE } },
        },
        [
          {
            label: `at 64 with ${size} workers`,
            of: 'rate',
            bytes: BYTES,
            inFlight: 64,
            contenders: ['shell', 'before', 'grpc', 'socket', 'wide'],
            targets: [
              ['wide', 'shell', { atLeast: ofShell }],
              ...(ofDefaults === undefined
                ? []
                : ([
                    ['socket', 'shell', ofDefaults.shell],
                    ['socket', 'before', ofDefaults.before],
                  ] as const)),
            ],
            isLong: size === 4,
          },
        ],
      )),
    )
  }
  return figures
}

export const echoStages: readonly Stage[] = [
  { name: 'pinned', isPinned: true, run: pinned },
  { name: 'free', isPinned: false, run: free },
  { name: 'workers', isPinned: false, run: workers },
]
