import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor'
import { encode } from '../src/values/codec.ts'
import { FailureCode, type SessionResponse, type WorkerFrame } from '../src/generated/terrarium/v1/session.ts'
import { Session, type Settle } from '../src/session.ts'

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

/** What a failure need not say. */
const REST = { traceback: '', hint: '', place: '' }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

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
  const failure: WorkerFrame = {
    kind: {
      $case: 'failure',
      value: { id: b, code: FailureCode.FAILURE_CODE_PYTHON_ERROR, type: 'ValueError', message: 'no', ...REST },
    },
  }
  session.receive({ seq: 1, ack: 1, frames: [result(c, 'C'), failure, result(a, 'A'), result(a, 'again')] })
  expect(outcomes).toEqual(['C', 'PYTHON_ERROR', 'A'])
  expect(session.inFlight).toBe(0)
})

test('a Python error carries type, message and traceback', () => {
  const { session } = open()
  let error: TerrariumError | undefined
  const id = session.call('a', Buffer.alloc(0), 0, (outcome) => {
    if ('error' in outcome) error = outcome.error
  })
  const code = FailureCode.FAILURE_CODE_PYTHON_ERROR
  const value = { ...REST, id, code, type: 'KeyError', message: "'x'", traceback: 'tb' }
  session.receive({ seq: 1, ack: 0, frames: [{ kind: { $case: 'failure', value } }] })
  expect(error).toMatchObject({
    code: 'PYTHON_ERROR',
    message: "KeyError: 'x'",
    details: { type: 'KeyError', message: "'x'", traceback: 'tb' },
  })
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

test.each([
  ['a gap in the numbering', { seq: 2, ack: 0, frames: [] }],
  ['an acknowledgement of what was never sent', { seq: 0, ack: 1, frames: [] }],
  ['an unknown frame', { seq: 1, ack: 0, frames: [{ kind: undefined }] }],
])('%s is a protocol error', (_, message) => {
  expect(() => {
    open().session.receive(message)
  }).toThrow(TypeError)
})
