import { expect, test } from '@jest/globals'
import { MAX_MESSAGE_BYTES, ValueCodec } from '@terrarium/worker'
import type { TerrariumError } from '@terrarium/supervisor/base'
import { FAILURE_CODE, type FailureFrame, type WorkerFrame } from '../src/frame.ts'
import { bareSession, encoded, failure as failureOf, ready } from './bare.ts'

/** What a call comes to that is answered with a frame. */
function answered(frame: (id: number) => WorkerFrame, codec?: ValueCodec): TerrariumError | { value: unknown } {
  const { session } = bareSession({ codec })
  session.receive(ready('a'))
  let outcome: TerrariumError | { value: unknown } | undefined
  const id = session.call('a', encoded(Buffer.alloc(0)), 0, {
    settled: (settled) => {
      outcome = 'error' in settled ? settled.error : settled
    },
  })
  session.receive(frame(id))
  if (outcome === undefined) throw new Error('the call was not settled')
  expect(session.closed).toBe(false)
  return outcome
}

const EMPTY = { type: '', message: '' }
const failure =
  (fields: Partial<FailureFrame>) =>
  (id: number): WorkerFrame =>
    failureOf(id, { ...EMPTY, ...fields })

const result =
  (hex: string) =>
  (id: number): WorkerFrame => ({ kind: 'result', id, value: encoded(Buffer.from(hex, 'hex')) })

test('B7: a result that cannot be sent is an error of its own code, with place, type and what to do', () => {
  const code = FAILURE_CODE.RESULT_NOT_SENDABLE
  const said = { type: 'pandas.DataFrame', message: 'no', hint: 'Send its rows.', place: 'rows[3].price' }
  expect(answered(failure({ code, ...said }))).toMatchObject({
    code: 'RESULT_NOT_SENDABLE',
    message: 'no',
    hint: 'Send its rows.',
    details: { type: 'pandas.DataFrame', place: 'rows[3].price' },
  })
  const bare = answered(failure({ code, message: 'no' })) as TerrariumError
  expect(bare.hint).toBeUndefined()
  expect(bare.details).toEqual({})
})

test('a result that cannot be read settles its call with the reason, and nothing else happens', () => {
  expect(answered(result('c1'))).toMatchObject({
    code: 'RESULT_NOT_SENDABLE',
    message: 'the result: it is not what a worker sends: no value begins with 0xc1',
  })
  expect(answered(result('81a178c70507a14101'))).toMatchObject({ code: 'RESULT_NOT_SENDABLE' })
  expect(answered(result('81a178c70307a14101'))).toMatchObject({
    message: 'the result: a value of the type A, which is not registered here, cannot be read at x',
    hint: "Add { name: 'A', decode } to the `types` of the pool.",
  })
})

test('a session reads results with the codec that it is given', () => {
  const codec = new ValueCodec([{ name: 'A', decode: (sent: number) => ({ sent }) }])
  expect(answered(result('c70307a14101'), codec)).toEqual({ value: { sent: 1 } })
})

test('the longest message is what both sides have agreed on', () => {
  expect(MAX_MESSAGE_BYTES).toBe(2 ** 28)
})
