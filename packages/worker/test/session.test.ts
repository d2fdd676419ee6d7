import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { encode } from '../src/values/codec.ts'
import {
  FailureCode,
  type Failure,
  type SessionRequest,
  type SessionResponse,
  type Tool,
  type WorkerFrame,
} from '../src/generated/terrarium/v1/session.ts'
import { Session, type Settle, type ToolInfo } from '../src/session.ts'
import { turn } from '../../../test/support/waiting.ts'

/** A session whose wire is a list. */
function open() {
  const wire: SessionResponse[] = []
  let ended = 0
  const session = new Session({ write: (message) => wire.push(message), end: () => (ended += 1) }, 4711)
  const outcomes: unknown[] = []
  const settle: Settle = (outcome) => outcomes.push('value' in outcome ? outcome.value : outcome.error.code)
  const call = (tool: string, bytes = 1): number => session.call(tool, Buffer.alloc(bytes), 0, settle)
  const result = (id: number, value: unknown): WorkerFrame => ({
    kind: { $case: 'result', value: { id, value: encode(value) } },
  })
  const calls = (message: SessionResponse | undefined): string[] =>
    (message?.frames ?? []).map(({ kind }) => (kind?.$case === 'call' ? kind.value.tool : (kind?.$case ?? '?')))
  return { session, wire, outcomes, settle, call, calls, result, ended: () => ended }
}

const failure = (id: number, more: Partial<Failure> = {}): WorkerFrame => ({
  kind: {
    $case: 'failure',
    value: {
      id,
      code: FailureCode.FAILURE_CODE_PYTHON_ERROR,
      type: 'ValueError',
      message: 'no',
      traceback: '',
      notBegun: false,
      attributes: Buffer.alloc(0),
      hint: '',
      place: '',
      ...more,
    },
  },
})

test('calls made in one turn travel in one message, in order', async () => {
  const { wire, call, calls } = open()
  call('a')
  call('b')
  await Promise.resolve().then(() => call('c'))
  await turn()
  expect(wire.map(calls)).toEqual([['a', 'b', 'c']])
  expect(wire[0]).toMatchObject({ seq: 1, ack: 0 })
})

test('while a message is unacknowledged the next calls gather', async () => {
  const { session, wire, call, calls } = open()
  call('a')
  await turn()
  for (const tool of ['b', 'c', 'd']) {
    call(tool)
    await turn()
  }
  expect(wire).toHaveLength(1)
  session.receive({ seq: 0, ack: 1, frames: [] })
  await turn()
  expect(wire.map(calls)).toEqual([['a'], ['b', 'c', 'd']])
})

test('what is received is acknowledged with the calls it brings about', async () => {
  const { session, wire, call, calls, result } = open()
  const id = call('a')
  await turn()
  session.receive({ seq: 1, ack: 1, frames: [result(id, 1)] })
  call('b')
  await turn()
  expect(wire.map(calls)).toEqual([['a'], ['b']])
  expect(wire[1]).toMatchObject({ seq: 2, ack: 1 })
})

test('what brings nothing about is acknowledged alone, and such a message needs no acknowledgement', async () => {
  const { session, wire, call, calls, result } = open()
  const id = call('a')
  await turn()
  session.receive({ seq: 1, ack: 1, frames: [result(id, 1)] })
  await turn()
  expect(wire[1]).toEqual({ seq: 0, ack: 1, frames: [] })
  call('b')
  await turn()
  expect(calls(wire[2])).toEqual(['b'])
})

test('an acknowledgement goes out even while our own message is unacknowledged', async () => {
  const { session, wire, call, result } = open()
  const id = call('a')
  await turn()
  session.receive({ seq: 1, ack: 0, frames: [result(id, 1)] })
  call('b')
  await turn()
  expect(wire[1]).toEqual({ seq: 0, ack: 1, frames: [] })
})

test('a message carries at most 256 KiB, but a larger call travels alone', async () => {
  const { session, wire, call, calls } = open()
  call('a', 100 * 1024)
  call('b', 100 * 1024)
  call('c', 100 * 1024)
  call('big', 1024 * 1024)
  call('d')
  for (let ack = 1; ack <= 4; ack++) {
    await turn()
    session.receive({ seq: 0, ack, frames: [] })
  }
  await turn()
  expect(wire.map(calls)).toEqual([['a', 'b'], ['c'], ['big'], ['d']])
})

test('every call is settled once, with what the worker says', async () => {
  const { session, outcomes, call, result } = open()
  const [a, b, c] = [call('a'), call('b'), call('c')]
  await turn()
  session.receive({ seq: 1, ack: 1, frames: [result(c, 'C'), failure(b), result(a, 'A')] })
  expect(outcomes).toEqual(['C', 'PYTHON_ERROR', 'A'])
  expect(session.inFlight).toBe(0)
})

test('a Python error carries type, message and traceback', () => {
  const { session } = open()
  let error: TerrariumError | undefined
  const id = session.call('a', Buffer.alloc(0), 0, (outcome) => {
    if ('error' in outcome) error = outcome.error
  })
  const [none, unknown] = [Buffer.from([0xc1]), Buffer.from('c70307a14101', 'hex')]
  const attributes = encode({ key: encode('x'), n: encode(2), none, unknown, odd: 7 })
  session.receive({
    seq: 1,
    ack: 0,
    frames: [failure(id, { type: 'KeyError', message: "'x'", traceback: 'tb', attributes })],
  })
  expect(error).toMatchObject({
    code: 'PYTHON_ERROR',
    message: "KeyError: 'x'",
    details: { type: 'KeyError', message: "'x'", traceback: 'tb', attributes: { key: 'x', n: 2 } },
  })
})

test('B7: an exception without text is told by its type alone', () => {
  const { session } = open()
  let error: TerrariumError | undefined
  const id = session.call('a', Buffer.alloc(0), 0, (outcome) => {
    if ('error' in outcome) error = outcome.error
  })
  session.receive({ seq: 1, ack: 0, frames: [failure(id, { message: '' })] })
  expect(error).toMatchObject({ code: 'PYTHON_ERROR', message: 'ValueError' })
})

test('a closed session sends nothing more; what was in flight waits for the reason of the death', async () => {
  const { session, wire, outcomes, call, ended } = open()
  let closed = 0
  session.on('closed', () => (closed += 1))
  call('a')
  session.close()
  session.close()
  await turn()
  expect({ wire, outcomes, closed, ended: ended() }).toEqual({ wire: [], outcomes: [], closed: 1, ended: 1 })
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(outcomes).toEqual(['WORKER_CRASHED'])
})

test('only calls that are still open are cancelled', async () => {
  const { session, wire, call, calls, result } = open()
  const id = call('a')
  await turn()
  session.receive({ seq: 1, ack: 1, frames: [result(id, 1)] })
  session.cancel(id)
  session.cancel(99)
  const open_ = call('b')
  session.cancel(open_)
  await turn()
  expect(wire.slice(1).map(calls)).toEqual([['b', 'cancel']])
})

const tool = (name: string, more: Partial<Tool> = {}): Tool => ({ name, isAsync: false, summary: '', ...more })
const ready = (...tools: Tool[]): WorkerFrame => ({ kind: { $case: 'ready', value: { tools } } })
const pong: WorkerFrame = { kind: { $case: 'pong', value: { nonce: 1, running: 0 } } }
const hello: WorkerFrame = {
  kind: {
    $case: 'hello',
    value: { protocolVersion: 1, token: '', pid: 1, packageVersion: '', pythonVersion: '' },
  },
}

test.each<[string, SessionRequest[], string]>([
  ['a gap in the numbering', [{ seq: 2, ack: 0, frames: [pong] }], 'message 2 follows 0'],
  ['a number that comes again', [{ seq: 1, ack: 0, frames: [hello] }, { seq: 1, ack: 0, frames: [pong] }], 'message 1 follows 1'], // prettier-ignore
  ['an acknowledgement of what was never sent', [{ seq: 0, ack: 1, frames: [] }], 'message 1 was acknowledged, sent were 0'], // prettier-ignore
  ['frames without a number', [{ seq: 0, ack: 0, frames: [pong] }], 'a message without a number has frames'],
  ['a number without frames', [{ seq: 1, ack: 0, frames: [] }], 'message 1 has no frames'],
  [
    'a message before the last one was acknowledged',
    [
      { seq: 1, ack: 0, frames: [hello] },
      { seq: 2, ack: 0, frames: [ready(tool('a'))] },
    ],
    'message 2 came before 1 was acknowledged',
  ],
  ['an unknown frame', [{ seq: 1, ack: 0, frames: [{ kind: undefined }] }], 'a frame of a kind that this version does not know'], // prettier-ignore
  ['a second Hello', [{ seq: 1, ack: 0, frames: [hello, hello] }], 'a second Hello'],
  ['a second Ready', [{ seq: 1, ack: 0, frames: [ready(tool('a')), ready(tool('a'))] }], 'a second Ready'],
  ['a tool without a name', [{ seq: 1, ack: 0, frames: [ready(tool(''))] }], 'a tool whose name does not have 1 to 128 characters'], // prettier-ignore
  ['a tool of a long name', [{ seq: 1, ack: 0, frames: [ready(tool('x'.repeat(129)))] }], 'a tool whose name does not have 1 to 128 characters'], // prettier-ignore
  ['two tools of one name', [{ seq: 1, ack: 0, frames: [ready(tool('a'), tool('b'), tool('a'))] }], 'two tools named a'], // prettier-ignore
  ['a Pong without a Ping', [{ seq: 1, ack: 0, frames: [pong] }], 'a Pong that was not asked for'],
  ['a failure of no call', [{ seq: 1, ack: 0, frames: [failure(7)] }], 'an answer to call 7, which is not open'],
])('%s is a protocol error', (_, messages, fault) => {
  const { session } = open()
  expect(() => {
    for (const message of messages) session.receive(message)
  }).toThrow(new TypeError(fault))
})

test('a call is answered once: a second answer is a protocol error, and the first one counts', async () => {
  const { session, outcomes, call, result } = open()
  const id = call('a')
  await turn()
  expect(() => {
    session.receive({ seq: 1, ack: 1, frames: [result(id, 'A'), result(id, 'again')] })
  }).toThrow(new TypeError(`an answer to call ${id}, which is not open`))
  expect(outcomes).toEqual(['A'])
})

test('texts of any size are cut, and the longest names are as long as Python allows', () => {
  const { session } = open()
  let tools: readonly ToolInfo[] = []
  session.once('ready', (offered) => (tools = offered))
  const long = '🐍'.repeat(128)
  session.receive({ seq: 1, ack: 0, frames: [ready(tool(long, { summary: 'x'.repeat(10_000_000) }))] })
  expect(tools[0]?.name).toBe(long)
  expect(tools[0]?.summary).toHaveLength(8_193)
  const outcomes: { error?: TerrariumError }[] = []
  const huge = 'y'.repeat(10_000_000)
  for (const number of [1, 2, 3, 4, 5, 6, 99]) {
    const code = JSON.parse(String(number)) as FailureCode
    const one = open()
    const own = one.session.call('a', Buffer.alloc(0), 0, (outcome) => outcomes.push(outcome as { error: TerrariumError })) // prettier-ignore
    const more = { code, type: huge, message: huge, traceback: huge, attributes: Buffer.from([0xc1]) }
    one.session.receive({ seq: 1, ack: 0, frames: [failure(own, more)] })
  }
  expect(outcomes).toHaveLength(7)
  for (const { error } of outcomes) {
    expect(error?.message.length).toBeLessThan(20_000)
    expect(JSON.stringify(error?.details).length).toBeLessThan(200_000)
  }
})

test('calls whose frames were not written when the session ended had not begun', async () => {
  const { session, wire } = open()
  const told: [string, boolean][] = []
  const call = (name: string): number =>
    session.call(name, Buffer.alloc(1), 0, (outcome) => {
      if ('error' in outcome) told.push([name, outcome.notBegun])
    })
  call('written')
  await turn()
  call('waits for the acknowledgement')
  await turn()
  expect(wire).toHaveLength(1)
  expect(session.begun).toBe(2)
  session.close()
  expect(session.begun).toBe(1)
  session.abandon(new TerrariumError('WORKER_CRASHED', 'gone'))
  expect(told).toEqual([
    ['written', false],
    ['waits for the acknowledgement', true],
  ])
})

test('what a worker says of a call that it did not begin comes with its failure', () => {
  const { session } = open()
  const outcomes: unknown[] = []
  const id = session.call('a', Buffer.alloc(0), 0, (outcome) => outcomes.push(outcome))
  const code = FailureCode.FAILURE_CODE_CANCELLED
  session.receive({ seq: 1, ack: 0, frames: [failure(id, { code, notBegun: true })] })
  expect(outcomes).toMatchObject([{ error: { code: 'CANCELLED' }, notBegun: true }])
})
