// Mutations of what calls of a pool may have beside arguments: sessions, nested calls and feeds.
import type { Mutation, Tests } from './mutation.ts'

const SESSIONS: Tests = { project: 'pool', path: 'packages/pool/test/core/sessions.test.ts' }
const NESTING: Tests = { project: 'pool', path: 'packages/pool/test/core/host-call.test.ts' }
const SESSION_NESTING: Tests = { project: 'pool', path: 'packages/pool/test/core/session-nesting.test.ts' }
const ANY_NESTING: Tests = { project: 'pool', path: 'packages/pool/test/core/nesting.property.test.ts' }
const FEEDS: Tests = { project: 'worker', path: 'packages/worker/test/feeds.test.ts' }

type Row = readonly [breaks: string, find: string, replace: string]

const inFile = (file: string, tests: Tests, rows: readonly Row[]): Mutation[] =>
  rows.map(([breaks, find, replace]) => ({ breaks, file: `packages/${file}.ts`, find, replace, tests: [tests] }))

const sessions = [
  ...inFile('pool/src/core/sessions', SESSIONS, [
    ['67: the sessions of a pool have a limit', '>= state.settings.sessionLimit', '> state.settings.sessionLimit'],
    ['I6: a lost session takes no call', "    if (session.status === 'lost') return lostError(turn, session)\n", ''],
    [
      'I15: a strict handle is told that its session has ended',
      '  if (known !== undefined && known !== session && known.isStrict) return lostError(turn, known)\n',
      '',
    ],
    ['a hint session is not lost with its worker', '    if (!session.isStrict) continue\n', ''],
  ]),
  ...inFile('pool/src/core/tool-session', SESSIONS, [
    [
      'I6: a strict session belongs to the worker of its first call',
      'if (this.isStrict) for (const slot of this.places.keys()) return slot',
      '',
    ],
  ]),
  ...inFile('pool/src/core/turns', SESSIONS, [
    [
      'a session that had its turn goes behind the others',
      '  queues.delete(queue)\n  if (call === undefined) return\n',
      '  if (call === undefined) return\n',
    ],
    [
      'the sessions of a worker take turns with the calls of no session',
      '  if (slot.servedBound && nextOf(queues) !== undefined) return false\n',
      '',
    ],
  ]),
]

const nesting = [
  ...inFile('pool/src/core/nesting', NESTING, [
    [
      'the newest of the stuck calls is refused',
      'if (stuck.has(call)) newest = call',
      'if (stuck.has(call)) newest ??= call',
    ],
    [
      'a place behind a main thread that waits is none',
      '  if (running !== undefined && stuck.has(running) && !slot.isAsync(call.tool)) return false\n',
      '',
    ],
    [
      'calls behind a main thread that waits are asked back',
      '  for (const slot of state.slots) askBackBehind(turn, slot)\n',
      '',
    ],
  ]),
  ...inFile('pool/src/core/placement', NESTING, [
    [
      'a nested call is not placed behind a main thread that waits',
      ' || isBehindHost(slot, call)) continue',
      ') continue',
    ],
  ]),
]

const batches = [
  ...inFile('pool/src/core/nesting', SESSION_NESTING, [
    [
      'a call that needs a worker of its own says nothing of other calls of its tool',
      'if (!call.suspect && home === undefined) known.set',
      'if (home === undefined) known.set',
    ],
  ]),
  ...inFile('pool/src/core/nesting', ANY_NESTING, [
    [
      'the calls of a batch keep their places together',
      '      if (hasBegunWithOther(call, now)) stuck.add(call)\n',
      '',
    ],
  ]),
  ...inFile('pool/src/core/slot', ANY_NESTING, [
    [
      'a call that waits for others of its batch does not keep the main thread busy',
      'if (this.hosts === 0 || call.hosts > 0) return call',
      'return call',
    ],
  ]),
  ...inFile('pool/src/core/ahead', SESSION_NESTING, [
    [
      'a call ahead that has begun before others is not ahead any more',
      'while (next !== undefined && !next.isAhead) ({ next } = next)',
      '',
    ],
  ]),
]

const feeds = inFile('worker/src/feeds', FEEDS, [
  ['a call whose feed was wanted has begun: it is never run twice', '    feed.isTouched = true\n', ''],
])

export const POOL_CALLS: readonly Mutation[] = [...sessions, ...nesting, ...batches, ...feeds]
