import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { FAILURE_CODE, type PongFrame, type ToolInfo, type WorkerFrame } from '../src/frame.ts'
import { encode } from '../src/values/codec.ts'
import type { CallOutcome } from '../src/session.ts'
import { bareSession, encoded, failure, hello, ready, result, tool } from './bare.ts'

/** A session of a worker with the tools a, b, c and d, and what its calls come to. */
function open() {
  const { session, sent, unsent, heard } = bareSession()
  session.receive(ready('a', 'b', 'c', 'd'))
  const outcomes: unknown[] = []
  const settled = (outcome: CallOutcome): unknown =>
    outcomes.push('value' in outcome ? outcome.value : outcome.error.code)
  const call = (name: string): number => session.call(name, encoded(Buffer.alloc(1)), 0, { settled })
  const kinds = (): string[] => sent.map((frame) => (frame.kind === 'call' ? frame.tool : frame.kind))
  return { session, sent, unsent, heard, outcomes, call, kinds }
}

test('calls go to the carrier in order, with the place of their tool; the carrier knows how many are open', () => {
  const counts: number[] = []
  const { session } = bareSession({
    carrier: { send: (_, open) => counts.push(open), end: () => undefined, received: 0, unsent: () => new Set() },
  })
  session.receive(ready('a', 'b'))
  for (const name of ['b', 'a']) session.call(name, encoded(Buffer.alloc(1)), 0, { settled: () => undefined })
  expect(counts).toEqual([1, 2])
  const { sent, call } = open()
  call('b')
  call('a')
  const args = encoded(Buffer.alloc(1))
  expect(sent).toEqual([
    { kind: 'call', id: 1, tool: 'b', index: 1, timeout: 0, isStream: false, wantsProgress: false, session: 0, args },
    { kind: 'call', id: 2, tool: 'a', index: 0, timeout: 0, isStream: false, wantsProgress: false, session: 0, args },
  ])
})

test('Hello is answered with Welcome, and the longest message', () => {
  const { session, sent } = bareSession()
  session.receive(hello())
  expect(sent).toEqual([{ kind: 'welcome', maxBytes: 256 * 1024 * 1024 }])
})

test('every call is settled once, with what the worker says', () => {
  const { session, outcomes, call } = open()
  const [a, b, c] = [call('a'), call('b'), call('c')]
  for (const frame of [result(c, 'C'), failure(b), result(a, 'A')]) session.receive(frame)
  expect(outcomes).toEqual(['C', 'PYTHON_ERROR', 'A'])
  expect(session.inFlight).toBe(0)
})

test('a Python error carries type, message and traceback', () => {
  const { session } = open()
  let error: TerrariumError | undefined
  const id = session.call('a', encoded(Buffer.alloc(0)), 0, {
    settled: (outcome) => {
      if ('error' in outcome) error = outcome.error
    },
  })
  const [none, unknown] = [Buffer.from([0xc1]), Buffer.from('c70307a14101', 'hex')]
  const attributes = encode({ key: encode('x'), n: encode(2), none, unknown, odd: 7 })
  session.receive(failure(id, { type: 'KeyError', message: "'x'", traceback: 'tb', attributes }))
  expect(error).toMatchObject({
    code: 'PYTHON_ERROR',
    message: "KeyError: 'x'",
    details: { type: 'KeyError', message: "'x'", traceback: 'tb', attributes: { key: 'x', n: 2 } },
  })
})

test('B7: an exception without text is told by its type alone', () => {
  const { session } = open()
  let error: TerrariumError | undefined
  const id = session.call('a', encoded(Buffer.alloc(0)), 0, {
    settled: (outcome) => {
      if ('error' in outcome) error = outcome.error
    },
  })
  session.receive(failure(id, { message: '' }))
  expect(error).toMatchObject({ code: 'PYTHON_ERROR', message: 'ValueError' })
})

test('a closed session sends nothing more; what was in flight waits for the reason of the death', () => {
  const { session, outcomes, call, kinds, heard } = open()
  let closed = 0
  session.on('closed', () => (closed += 1))
  const id = call('a')
  session.close()
  session.close()
  session.ping(1)
  session.cancel(id)
  session.receive(result(id, 'late'))
  expect({ sent: kinds(), outcomes, closed, ended: heard.ends }).toEqual({
    sent: ['a'],
    outcomes: [],
    closed: 1,
    ended: 1,
  })
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(outcomes).toEqual(['WORKER_CRASHED'])
})

test('only calls that are still open are cancelled', () => {
  const { session, call, kinds } = open()
  const id = call('a')
  session.receive(result(id, 1))
  session.cancel(id)
  session.cancel(99)
  session.cancel(call('b'))
  expect(kinds()).toEqual(['a', 'b', 'cancel'])
})

const pong: PongFrame = { kind: 'pong', nonce: 1, running: 0 }

test.each<[string, WorkerFrame[], string]>([
  ['a second Hello', [hello(), hello()], 'a second Hello'],
  ['a second Ready', [ready('a'), ready('a')], 'a second Ready'],
  ['a tool without a name', [ready('')], 'a tool whose name does not have 1 to 128 characters'],
  ['a tool of a long name', [ready('x'.repeat(129))], 'a tool whose name does not have 1 to 128 characters'],
  ['two tools of one name', [ready('a', 'b', 'a')], 'two tools named a'],
  ['too many tools', [ready(...Array.from({ length: 65_536 }, (_, n) => `t${n}`))], '65536 tools, more than 65535'],
  ['a Pong without a Ping', [pong], 'a Pong that was not asked for'],
  ['a failure of no call', [failure(7)], 'an answer to call 7, which is not open'],
  ['a result of no call', [result(0, 1)], 'an answer to call 0, which is not open'],
])('%s is a protocol error', (_, frames, fault) => {
  const { session } = bareSession()
  expect(() => {
    for (const frame of frames) session.receive(frame)
  }).toThrow(new TypeError(fault))
})

test('a call is answered once: a second answer is a protocol error, and the first one counts', () => {
  const { session, outcomes, call } = open()
  const id = call('a')
  session.receive(result(id, 'A'))
  expect(() => {
    session.receive(result(id, 'again'))
  }).toThrow(new TypeError(`an answer to call ${id}, which is not open`))
  expect(outcomes).toEqual(['A'])
})

test('texts of any size are cut, and the longest names are as long as Python allows', () => {
  const { session } = bareSession()
  let tools: readonly ToolInfo[] = []
  session.once('ready', (offered) => (tools = offered))
  const long = '🐍'.repeat(128)
  session.receive(ready(tool(long, { summary: 'x'.repeat(10_000_000) })))
  expect(tools[0]?.name).toBe(long)
  expect(tools[0]?.summary).toHaveLength(8_193)
  const outcomes: { error?: TerrariumError }[] = []
  const huge = 'y'.repeat(10_000_000)
  for (const code of [1, 2, 3, 4, 5, 6, 99]) {
    const one = open()
    const settled = (outcome: CallOutcome): unknown => outcomes.push(outcome as { error: TerrariumError })
    const own = one.session.call('a', encoded(Buffer.alloc(0)), 0, { settled })
    const more = { code, type: huge, message: huge, traceback: huge, attributes: Buffer.from([0xc1]) }
    one.session.receive(failure(own, more))
  }
  expect(outcomes).toHaveLength(7)
  for (const { error } of outcomes) {
    expect(error?.message.length).toBeLessThan(20_000)
    expect(JSON.stringify(error?.details).length).toBeLessThan(200_000)
  }
})

/** Which of the calls 1 to `count` are said not to have begun when the worker has exited. */
function notBegun(count: number, more: Parameters<typeof bareSession>[0], unsentIds: number[]): number[] {
  const { session, unsent } = bareSession(more)
  session.receive(ready('a'))
  const told: number[] = []
  for (let id = 1; id <= count; id++) {
    session.call('a', encoded(Buffer.alloc(1)), 0, {
      settled: (outcome) => {
        if ('error' in outcome && outcome.notBegun) told.push(id)
      },
    })
  }
  for (const id of unsentIds) unsent.add(id)
  session.close()
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(session.inFlight).toBe(0)
  return told
}

test('calls that were not sent when the session ended had not begun, and the others may have', () => {
  expect(bareSession().session.reportsBegun).toBe(false)
  expect(notBegun(3, {}, [2, 3])).toEqual([2, 3])
})

test('of a worker that notes what begins, calls that were sent and not noted had not begun', () => {
  const begun = { mayHaveBegun: (id: number) => id === 2 }
  expect(bareSession({ begun }).session.reportsBegun).toBe(true)
  expect(notBegun(4, { begun }, [4])).toEqual([1, 3, 4])
})

test('calls that share a word of the page may all have begun, whatever the page says', () => {
  const begun = { mayHaveBegun: () => false }
  const told = notBegun(4_098, { begun }, [])
  expect(told).toHaveLength(4_098 - 4)
  expect([1, 2, 3, 4_096, 4_097, 4_098].filter((id) => told.includes(id))).toEqual([3, 4_096])
})

test('a call that is made after the session was closed had not begun', () => {
  const { session, call, outcomes, kinds } = open()
  session.close()
  let told: unknown
  session.call('a', encoded(Buffer.alloc(1)), 0, { settled: (outcome) => (told = outcome) })
  call('b')
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(told).toMatchObject({ notBegun: true })
  expect([kinds(), outcomes]).toEqual([[], ['WORKER_CRASHED']])
})

test('a tool that the worker has not announced is not found, and nothing is sent', () => {
  const { session, call, kinds } = open()
  const refusal = (name: string): unknown => {
    try {
      return call(name)
    } catch (error) {
      return error
    }
  }
  expect(refusal('e')).toMatchObject({ code: 'TOOL_NOT_FOUND', message: "no tool is named 'e': there is a, b, c, d" })
  expect(session.inFlight).toBe(0)
  expect(kinds()).toEqual([])
  const early = bareSession().session
  expect(() => early.call('a', encoded(Buffer.alloc(1)), 0, { settled: () => undefined })).toThrow(
    "no tool is named 'a': the worker has announced no tools",
  )
})

test('arguments that no message can carry are refused, and nothing is sent', () => {
  const { session, kinds } = open()
  const args = {
    bytes: Buffer.alloc(1),
    segments: Array.from({ length: 4 }, () => Buffer.allocUnsafe(64 * 1024 * 1024)),
  }
  expect(() => session.call('a', args, 0, { settled: () => undefined })).toThrow(
    'the arguments of a have 268,435,478 bytes, a call may have 268,435,392',
  )
  expect([session.inFlight, kinds()]).toEqual([0, []])
})

test('what a worker says of a call that it did not begin comes with its failure', () => {
  const { session } = open()
  const outcomes: unknown[] = []
  const id = session.call('a', encoded(Buffer.alloc(0)), 0, { settled: (outcome) => outcomes.push(outcome) })
  const code = FAILURE_CODE.CANCELLED
  session.receive(failure(id, { code, notBegun: true }))
  expect(outcomes).toMatchObject([{ error: { code: 'CANCELLED' }, notBegun: true }])
})
