// Runs in a Web Worker: a machine that counts, fails and hangs.
import { expose } from '@terrarium/threads/thread'
import { assign, emit, setup } from 'xstate'

class PaymentError extends Error {}

expose(
  setup({
    actions: {
      pay: () => {
        throw new PaymentError('the card was refused')
      },
      throwLater: () =>
        void setTimeout(() => {
          throw new PaymentError('refused later')
        }),
      reject: () => void Promise.reject(new RangeError('rejected')),
      loop: () => {
        for (;;);
      },
    },
  }).createMachine({
    context: ({ input }) => ({ count: input.from }),
    on: {
      count: {
        actions: [
          assign({ count: ({ context }) => context.count + 1 }),
          emit(({ context }) => ({ type: 'counted', count: context.count })),
        ],
      },
      pay: { actions: 'pay' },
      throwLater: { actions: 'throwLater' },
      reject: { actions: 'reject' },
      loop: { actions: 'loop' },
      finish: '.finished',
    },
    initial: 'counting',
    states: { counting: {}, finished: { type: 'final' } },
    output: ({ context }) => context.count,
  }),
)
