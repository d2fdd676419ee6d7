// Mutations of the pool. Tests of one rule each have to notice those of its core: the property tests draw their events,
// so that a mutation which one run notices may escape the next.
import type { Mutation, Tests } from './mutation.ts'

const CALLS: Tests = { project: 'pool', path: 'packages/pool/test/core/dispatch.test.ts' }
const LIFE: Tests = { project: 'pool', path: 'packages/pool/test/core/life.test.ts' }
const GRACE: Tests = { project: 'pool', path: 'packages/pool/test/grace.test.ts' }
const AHEAD: Tests = { project: 'pool', path: 'packages/pool/test/core/ahead.test.ts' }
const RECALL: Tests = { project: 'pool', path: 'packages/pool/test/core/recall.test.ts' }
const PACE: Tests = { project: 'pool', path: 'packages/pool/test/core/pace.test.ts' }
const LANES: Tests = { project: 'pool', path: 'packages/pool/test/core/lanes.test.ts' }
const PAUSE: Tests = { project: 'pool', path: 'packages/pool/test/core/pause.test.ts' }
const RELOAD: Tests = { project: 'pool', path: 'packages/pool/test/core/reload.test.ts' }

type Row = readonly [breaks: string, find: string, replace: string, survives?: string]

const inCore = (file: string, rows: readonly Row[], tests = [CALLS, LIFE, GRACE]): Mutation[] =>
  rows.map(([breaks, find, replace, survives]) => ({
    breaks,
    file: `packages/pool/src/core/${file}.ts`,
    find,
    replace,
    tests,
    ...(survives === undefined ? {} : { survives }),
  }))

const placement = inCore('placement', [
  ['F8: a call is given the time that is left', 'Math.max(1, Math.ceil(deadline - now))', '0'],
  ['the time that is left is rounded up', 'Math.ceil(deadline - now)', 'Math.floor(deadline - now)'],
  [
    'a call with a deadline is never given 0, which means none',
    'Math.max(1, Math.ceil(deadline - now))',
    'Math.ceil(deadline - now)',
  ],
  ['F8: a suspect is run alone', 'isSuspect ? 1 : settings.concurrency', 'settings.concurrency'],
  ['F8: no call joins a suspect', 'slot.isolated = call.suspect', 'slot.isolated = false'],
  ['after a suspect its worker is shared again', '  if (slot.inFlight === 0) slot.isolated = false\n', ''],
  ['F8: the least busy worker is taken', '      fewest = slot.inFlight\n', ''],
  [
    'F8: calls that are run again go first',
    '  const isDone = place(turn, again)\n',
    '  place(turn, turn.state.waiting.inUse)\n  const isDone = place(turn, again)\n',
  ],
  [
    'no new call passes a call that is to be run again',
    'else if (isDone && place(turn, turn.state.waiting.inUse))',
    'else if (place(turn, turn.state.waiting.inUse))',
  ],
  ['a worker that lets go of an overdue call is open again', '  if (call.overdue) slot.overdue -= 1\n', ''],
  ['the grace of a call ends with the call', '  clearTimer(turn, call.timer)\n', ''],
  ['an attempt that had not begun does not count', '  if (!begun) call.attempts -= 1\n', ''],
  [
    'the queue has a limit',
    'nested.size) < queueLimit) return undefined',
    'nested.size) <= queueLimit) return undefined',
  ],
  ['a call that has to wait is refused by a full queue although a worker has room', ' && queuedIn(state) === 0)', ')'],
  ['the time in the queue adds up', '  call.waited += now - call.since\n', ''],
  ['the deadline counts from the acceptance', 'call.deadline = now + call.timeout', 'call.deadline = call.timeout'],
  ['a call that is run again goes before new ones', 'state.again.add(call)', 'state.waiting.add(call)'],
  ['a pool that does not run refuses calls', 'refusalOf(state) ?? saturation(state, call)', 'saturation(state, call)'],
  [
    'a call that is not watched is placed at once',
    '  hand(turn, call, slot, free === undefined)\n  share(turn)\n',
    '  share(turn)\n',
  ],
  ['a call does not go before calls that wait', ' || again.size > 0 || waiting.size > 0', ''],
])

const settling = inCore('settle', [
  ['a call is settled once', "  if (call.state === 'settled') return false\n", ''],
  ['a call that failed counts', '  else state.counts.failed += 1\n', ''],
  ['the error says where the call was last', '...times, ...place', '...times'],
  [
    'the time in the queue is told of a call that waits',
    'queueTime: waited + spent, runTime: 0',
    'queueTime: waited, runTime: spent',
  ],
])

const answers = inCore('answer', [
  ['a call is handed on to a worker that has answered', '  pump(turn)\n}\n\n/** The worker', '}\n\n/** The worker'],
  ['a worker that was asked for a call is not about to end', 'if (isMoved && !recalled) retire', 'if (isMoved) retire'],
  ['a worker that gives calls back unasked gets none', "  slot.occupant = 'doomed'\n  slot.timer", '  slot.timer'],
  ['such a worker is not killed while it has calls', 'if (slot.calls.size > 0) {', 'if (slot.calls.size < 0) {'],
  [
    'such a worker is killed in the end',
    "  kill(turn, slot, new TerrariumError('WORKER_CRASHED', message, { details: { pid: slot.pid, signal: 'SIGKILL' } }))\n",
    '',
  ],
  ['nothing moves once the pool stops', 'if (closed !== undefined) rejectAs(turn, call, closed)\n  else if', 'if'],
  ['only calls that may have begun are to blame', 'if (!unbegun.has(call)) lost += 1', 'lost += 1'],
  [
    'a call that shared its worker is only a suspect',
    'if (lost === 1) call.deaths += 1\n  else call.suspect = true',
    'call.deaths += 1',
  ],
  ['a call that had not begun moves', 'else if (isUnbegun) move(turn, call)\n    else', 'else'],
  [
    'a worker that was stopped is no crash for its calls',
    "else if (error.code !== 'WORKER_CRASHED' && !isAhead) rejectAs(turn, call, error)\n",
    '',
  ],
  ['nothing is run again once the pool stops', '!call.idempotent || state.closed !== undefined', '!call.idempotent'],
  [
    'only idempotent calls are run again',
    '!call.idempotent || state.closed !== undefined',
    'state.closed !== undefined',
  ],
  [
    'a poison call is refused after `maxDeaths` deaths',
    'deaths >= state.settings.maxDeaths',
    'deaths > state.settings.maxDeaths',
  ],
  ['a retry counts', '    state.counts.retried += 1\n', ''],
  ['F8: a call that has run renews the grace of the calls behind it', '    renewGraces(turn, call, slot)\n', ''],
  [
    'a call that had not begun renews no grace',
    "  leave(turn, call, slot)\n  if (call.state === 'settled') return\n",
    "  leave(turn, call, slot)\n  renewGraces(turn, call, slot)\n  if (call.state === 'settled') return\n",
  ],
])

const stopping = inCore('stopped', [
  ['a call that is stopped in the queue leaves it', '    unqueue(turn, call)\n', ''],
  ['a worker that goes on with a stopped call gets no other', '  slot.overdue += 1\n', ''],
  ['a worker is asked to stop a call', "  turn.effects.push({ type: 'cancel', call, slot, unlessBegun: false })\n", ''],
  [
    'calls behind a stopped one are asked back soon',
    'Math.min(RECALL_AFTER, state.settings.cancelGrace / 2)',
    'state.settings.cancelGrace',
  ],
  [
    'a call with time left is not killed with a stopped one behind it',
    "if (running !== undefined && running.state !== 'settled' && !slot.isAsync(tool)) {",
    'if (running === undefined) {',
  ],
  ['an async call does not wait behind an ordinary one', ' && !slot.isAsync(tool)) {', ') {'],
  ['the grace is renewed by what has run in time only', "call.state === 'settled' || slot.isAsync", 'slot.isAsync'],
  [
    'a renewed grace replaces the one before',
    '  clearTimer(turn, call.timer)\n  call.timer = setTimer',
    '  call.timer = setTimer',
  ],
])

const workers = inCore('workers', [
  ['news of an earlier incarnation is nothing', '  if (event.incarnation !== slot.incarnation) return\n', ''],
  ['a worker without a session gets no call', "      if (slot.occupant === 'ready') slot.occupant = 'doomed'\n", ''],
  ['a worker that has ended is not killed', '  clearTimer(turn, slot.timer)\n', ''],
  ['a worker that is parked again may be tried again', '  slot.probing = false\n  slot.failure', '  slot.failure'],
  ['a parked worker is tried once at a time', '  if (slot.probing) return\n', ''],
  [
    'start() waits for all workers',
    "state.slots.every(({ occupant }) => occupant === 'ready')",
    "state.slots.some(({ occupant }) => occupant === 'ready')",
  ],
  [
    'a pool is parked when all its workers are',
    'state.slots.every((each) => each.parked !== undefined)',
    'state.slots.some((each) => each.parked !== undefined)',
  ],
  [
    'calls that wait for a parked pool are refused',
    '    if (isParked) rejectWaiting(turn, parkedError(pool, error))\n',
    '',
  ],
  [
    'a pool that could not be opened is not started by a worker',
    'state.isStarting && !isEnding(turn) && ',
    'state.isStarting && ',
  ],
  [
    'a worker that is ready has the others tried',
    '  for (const slot of turn.state.slots) if (isHealable(slot.parked)) unpark(turn, slot)\n',
    '',
  ],
  [
    'only what a change can repair is tried',
    "return isTerrariumError(error, 'CONFIGURATION') || watchPaths(error).length > 0",
    'return error !== undefined',
  ],
  ['the next start is due after its delay', 'slot.until = turn.now + delay', 'slot.until = delay'],
  ['a worker that ended without being asked to counts', '    state.counts.crashes += 1\n', ''],
])

const life = inCore('life', [
  [
    'nothing is run again once the pool stops',
    '  state.closed = error\n  rejectWaiting(turn, error)\n',
    '  rejectWaiting(turn, error)\n',
  ],
  [
    'calls that wait are refused when the pool stops',
    '  rejectWaiting(turn, error)\n  for (const slot',
    '  for (const slot',
  ],
  [
    'start() is answered when the pool stops',
    '  if (state.isStarting && !state.isOpening) started(turn, state.failedBecause ?? error)\n',
    '',
  ],
  ['calls in flight are waited for', ' && withWorkers(state) === 0', ''],
  ['a pool is closed once', '  if (state.isClosing) return\n', ''],
  ['the drain has an end', "setTimer(turn, { type: 'drain' }, state.settings.drainTimeout)", '0'],
  ['every call is settled when the pool has ended', '    loseCalls(turn, slot, error, NO_CALL)\n', ''],
  [
    'no timer is left when the pool has ended',
    '  for (const timer of state.timers.keys()) clearTimer(turn, timer)\n',
    '',
  ],
  ['a failed start is answered', '    started(turn, failedBecause)\n', ''],
])

const ahead = [
  ...inCore(
    'ahead',
    [
      ['a call is asked back once', 'if (call.recalled || call.state', 'if (call.state'],
      ['a stopped call is not asked back', "call.recalled || call.state === 'settled'", 'call.recalled'],
    ],
    [CALLS],
  ),
  ...inCore(
    'ahead',
    [
      ['a call with long arguments is not sent ahead', ' || call.size > MOST_BYTES)', ')'],
      [
        'a call of a tool that is not known to be short is not sent ahead',
        'if (pace?.isShort !== true)',
        'if (pace === undefined)',
      ],
      ['nothing is sent ahead of a worker that does not report begun calls', '  slot.reportsBegun &&\n', ''],
      ['nothing is sent ahead behind a call that is not known to be short', '  slot.notShort === 0 &&\n', ''],
      ['nothing is sent ahead of a worker that has not answered for long', ' &&\n  now - slot.since < SHORT', ''],
      ['the bytes ahead of a worker have a limit', 'slot.bytesAhead + call.size <= MOST_BYTES_AHEAD && ', ''],
      ['the worker with the fewest calls ahead is taken', '      fewest = slot.ahead\n', ''],
      ['how long a tool takes is learned from its answers', 'else if (pace.answered(ms)) markLong(state, pace)', ''],
      ['the time of a call counts from the answer before', '  slot.since = now\n', ''],
      ['nothing is sent ahead behind calls of a tool that became long', '      slot.notShort += 1\n', ''],
      ['a silent worker is looked at twice', 'slot.lookedAt !== slot.since || ', ''],
      [
        'calls ahead of a silent worker are asked back',
        'if (!askAllBack(turn, slot) || pace === undefined) return',
        'if (pace === undefined) return',
      ],
      ['a tool that kept calls waiting is on probation', '  pace.keptWaiting(silent)\n', ''],
      [
        'calls ahead are looked after again',
        "  if (next < Infinity) state.look = setTimer(turn, { type: 'look' }, Math.max(BETWEEN_LOOKS, next))\n",
        '',
      ],
      ['a free worker takes over what is ahead of a busy one', '    askBack(turn, call, busiest)\n', ''],
      ['work that is soon done is left where it is', 'let most = worth', 'let most = 0'],
      ['a worker that is free for a moment takes nothing over', ' && slot.since <= then', ''],
      ['the worker with the most work is relieved', '    most = workAhead(slot)\n', '    most = Infinity\n'],
      ['half of the calls ahead is taken over', 'Math.ceil(busiest.ahead / 2)', 'busiest.ahead'],
    ],
    [AHEAD, RECALL],
  ),
  ...inCore(
    'pace',
    [
      ['a tool of 2 ms is long', 'this.time < SHORT && this.#left', 'this.time <= SHORT && this.#left'],
      ['a tool on probation is not short', ' && this.#left <= 0', ''],
      ['the pace of a tool rises and falls by an eighth', '(ms - this.time) * WEIGHT', 'ms - this.time'],
      ['little work is ahead', 'Math.max(1, Math.floor(MOST_WORK / this.time))', 'MOST_AHEAD'],
      [
        'few calls are ahead',
        'Math.min(MOST_AHEAD, Math.max(1, Math.floor(MOST_WORK / this.time)))',
        'Math.floor(MOST_WORK / this.time)',
      ],
      ['each probation is longer', '2 * this.#probation', 'this.#probation'],
      ['a long call does not count for a probation', 'this.#probation > 0 && ms < SHORT', 'this.#probation > 0'],
      ['a probation is forgotten', 'this.#probation = this.#left = 0', 'this.#left = 0'],
      ['few paces are kept', '      this.#paces.delete(longest)\n', '      break\n'],
    ],
    [PACE],
  ),
  ...inCore(
    'placement',
    [
      [
        'calls ahead count for the limit of the queue',
        'waiting.size + ahead + inSessions : nested',
        'waiting.size + inSessions : nested',
      ],
      ['a call with which a worker died is not followed by calls ahead', ' && !call.suspect && call.deaths === 0', ''],
      ['a call ahead gets the place of a call that left', ' advance(turn, firstAhead, slot)', ' void firstAhead'],
      ['a call that comes back goes before later calls', 'state.waiting.putBack(call)', 'state.waiting.add(call)'],
      [
        'a call ahead has no attempt',
        '  if (isAhead) goAhead(turn, call, slot)\n',
        '  if (isAhead) {\n    goAhead(turn, call, slot)\n    call.attempts += 1\n  }\n',
      ],
    ],
    [AHEAD, RECALL],
  ),
  ...inCore(
    'answer',
    [
      [
        'a call ahead that had begun has had a place',
        '    if (call.isAhead && !isUnbegun) advance(turn, call, slot)\n',
        '',
      ],
      [
        'a late call that had begun is not run again',
        '    else if (isLate) overran(turn, call)\n    else crashed',
        '    else crashed',
      ],
      ['a late call that had not begun was not run', 'if (isLate || (isOutOfTime', 'if ((isOutOfTime'],
      ['a call ahead whose deadline its worker saw first was not run', ' || (isOutOfTime && wentAhead)', ''],
    ],
    [RECALL],
  ),
  ...inCore(
    'stopped',
    [
      ['a late call is asked back', '  askBack(turn, call, slot)\n', ''],
      ['a late call has an end', "  call.timer = setTimer(turn, { type: 'late', call }, SILENCE)\n", ''],
      ['whether a late call was run its worker says', '  if (call.isAhead) awaitWord(turn, call)\n  else if', '  if'],
    ],
    [RECALL],
  ),
  ...inCore(
    'life',
    [
      [
        'calls ahead are asked back when the pool stops',
        '  for (const slot of state.slots) askAllBack(turn, slot)\n',
        '',
      ],
    ],
    [RECALL],
  ),
  ...inCore(
    'lanes',
    [
      ['no lane waits for ever', 'if (isDue(low, this.#aboveLow)) return low', ''],
      ['the middle lane does not wait for ever', 'if (isDue(normal, this.#aboveNormal)) return normal', ''],
      ['the highest lane goes first', 'if (high.size > 0) return high', ''],
      [
        'the middle lane goes before the lowest',
        'return normal.size > 0 ? normal : low',
        'return low.size > 0 ? low : normal',
      ],
      ['a call that comes back is due', ' - MOST_BEFORE\n', '\n'],
      ['the bound counts from when a call is the first', '  if (first.mark === -1) first.mark = gone\n', ''],
    ],
    [LANES],
  ),
  ...inCore(
    'pause',
    [
      ['a pause asks for calls ahead', '  for (const slot of state.slots) askAllBack(turn, slot)\n', ''],
      ['a resume hands calls out', '  pump(turn)\n', ''],
      ['a drain pauses', '  pause(turn)\n', ''],
      ['a drain waits for calls in flight', ' || withWorkers(state) > 0', ''],
    ],
    [PAUSE],
  ),
  ...inCore(
    'reload',
    [
      ['the replacement is ready first', '  if (readyIn(state) <= least) return\n', ''],
      ['a worker that leaves finishes its calls', ' || leaving.calls.size > 0', ''],
      ['a worker that leaves gives back what it has not begun', '  askAllBack(turn, slot)\n', ''],
      [
        'a worker of the new code is not replaced',
        'if (slot.incarnation !== incarnation) old.delete(slot)',
        'void incarnation',
      ],
      ['a spare that is parked ends', "reload.spareState = 'ending'\n}", '{}\n}'],
      ['a reload during a reload is not lost', '  if (reload.again) begin(turn)\n  else', '  '],
    ],
    [RELOAD],
  ),
]

const rest = [
  ...inCore('turn', [
    ['a worker that is killed gets no call', "  if (slot.occupant === 'ready') slot.occupant = 'doomed'\n", ''],
    [
      'a timer that was cleared does nothing',
      'if (timer !== 0 && state.timers.delete(timer)) effects',
      'if (timer !== 0) effects',
    ],
  ]),
  ...inCore('slot', [
    ['a worker with an overdue call gets no other', 'this.overdue === 0 && ', ''],
    ['a worker with a suspect gets no other call', ' && !this.isolated', ''],
    ['an async tool does not keep the main thread busy', 'if (this.isAsync(call.tool)) continue\n', '\n'],
  ]),
  ...inCore('dispatch', [
    [
      'nothing happens after the end',
      " else if (state.status === 'stopped') afterTheEnd(turn, event)\n  else",
      ' else',
    ],
    ['a timer fires once', '  timers.delete(id)\n', ''],
  ]),
]

export const POOL: readonly Mutation[] = [
  ...[...placement, ...settling, ...answers, ...stopping, ...workers, ...life, ...ahead, ...rest],
  {
    breaks: 'F8: by default calls in flight have 5 s when the pool stops',
    file: 'packages/pool/src/options.ts',
    find: 'drainTimeout: 5_000',
    replace: 'drainTimeout: 0',
    tests: [{ project: 'pool', path: 'packages/pool/test/rules.test.ts', name: 'by default stop' }],
  },
  {
    breaks: 'calls that were never sent move',
    file: 'packages/pool/src/slots.ts',
    find: "else if ('error' in outcome && outcome.notBegun) this.#unbegun.add(call)",
    replace: '',
    tests: [
      { project: 'pool', path: 'packages/pool/test/doomed.test.ts', name: 'had not begun when their worker crashed' },
    ],
  },
]
