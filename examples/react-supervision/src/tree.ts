// What runs behind the page, as a supervisor: a feed of prices, and orders that need an address.
import { supervisor } from '@terrarium/supervisor'
import { assign, fromCallback, setup } from 'xstate'
import { settings } from './settings.ts'

/** A connection that brings a price every 50 ms. */
const connection = fromCallback(({ sendBack }) => {
  console.info('feed opened')
  const timer = setInterval(() => {
    sendBack({ type: 'price' })
  }, 50)
  return () => {
    clearInterval(timer)
    console.info('feed closed')
  }
})

const feed = setup({
  types: { context: {} as { prices: number } },
  actors: { connection },
  actions: {
    fail: () => {
      throw new Error('the feed sent nonsense')
    },
  },
}).createMachine({
  context: { prices: 0 },
  invoke: { src: 'connection' },
  on: {
    price: { actions: assign({ prices: ({ context }) => context.prices + 1 }) },
    fail: { actions: 'fail' },
  },
})

const orders = fromCallback(() => {
  if (settings.ordersAt === undefined)
    throw Object.assign(new Error('no address for orders is set'), { code: 'CONFIGURATION' })
})

export const tree = supervisor({
  id: 'page',
  children: [
    // After a failure the feed goes on counting.
    { id: 'feed', logic: feed, resume: (snapshot) => snapshot },
    // The page does not wait for orders. Without an address they are parked.
    { id: 'orders', logic: orders, awaitReady: false },
  ],
})
