// Which reason a thread ends for, whatever order its news arrive in. The thread is a stand-in.
import { expect, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { toPortable } from '../src/shared/portable.ts'
import { Session, type SessionNews } from '../src/shared/session.ts'
import type { ThreadListener } from '../src/shared/thread.ts'

function begun(): { listener: ThreadListener; told: SessionNews[] } {
  const told: SessionNews[] = []
  const given: ThreadListener[] = []
  new Session({
    id: 'a',
    name: 'payments',
    source: {
      module: 'file:///payments.js',
      endsWhenUncaught: true,
      open: (listener) => {
        given.push(listener)
        return { post: () => {}, terminate: () => {}, setReferenced: () => {} }
      },
    },
    input: undefined,
    snapshot: undefined,
    clock: new VirtualClock(),
    startTimeout: 1_000,
    isUnreferenced: false,
    tell: (news) => {
      told.push(news)
    },
    refused: () => {},
  })
  const [listener] = given
  if (listener === undefined) throw new Error('no thread was opened')
  return { listener, told }
}

const paymentError = () => Object.assign(new Error('the card was refused'), { name: 'PaymentError' })
const uncaught = () => ({
  type: 'uncaught' as const,
  reason: toPortable({ type: 'error', error: paymentError() }, () => new Error('never')),
})

test.each(['before', 'after'])(
  'what a thread tells of its uncaught error counts, also when it comes %s Node tells of it',
  (when) => {
    const { listener, told } = begun()
    listener.heard({ type: 'exposed' })
    if (when === 'before') listener.heard(uncaught())
    listener.failed(new Error('the card was refused'), 'uncaught') // Node has lost the class of the error
    if (when === 'after') listener.heard(uncaught())
    listener.exited(1)
    expect(told).toMatchObject([{ type: 'over', reason: { type: 'error', error: { name: 'PaymentError' } } }])
  },
)

test('a thread that tells nothing of its uncaught error ends with the error that Node tells', () => {
  const { listener, told } = begun()
  listener.heard({ type: 'exposed' })
  listener.failed(new RangeError('out of range'), 'uncaught')
  listener.exited(1)
  expect(told).toMatchObject([{ type: 'over', reason: { type: 'error', error: { name: 'RangeError' } } }])
})

test.each([
  ['was loaded', true, { name: 'RangeError', message: 'out of range' }],
  ['is being loaded', false, { code: 'START_FAILED', cause: { message: 'out of range' } }],
])('an uncaught error while the module %s', (_, isExposed, expected) => {
  const { listener, told } = begun()
  listener.failed(new RangeError('out of range'), 'uncaught')
  if (isExposed) listener.heard({ type: 'exposed' }) // it arrives late
  listener.exited(1)
  expect(told).toMatchObject([{ type: 'over', reason: { type: 'error', error: expected } }])
})
