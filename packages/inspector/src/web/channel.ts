// Offers a tap to the pages of the same origin, over a BroadcastChannel.
import type { OnChannel } from '../shared/places.ts'
import type { Connection, Tap } from '../shared/tap.ts'
import type { Globals } from './globals.ts'

/** Answers how to end it. */
export function offerTap(tap: Tap, name: string): () => void {
  const { BroadcastChannel, crypto, addEventListener, removeEventListener } = globalThis as unknown as Globals
  const channel = new BroadcastChannel(name)
  const app = crypto.randomUUID()
  const pages = new Map<string, Connection>()
  const say = (message: OnChannel): void => {
    channel.postMessage(message)
  }
  const open = (page: string): void => {
    pages.get(page)?.close()
    const send = (text: string): void => {
      say({ app, page, by: 'app', text })
    }
    pages.set(page, tap.connect({ send, buffered: () => 0 }))
  }
  channel.onmessage = ({ data }) => {
    const message = data as OnChannel
    if ('text' in message) {
      if (message.by === 'page' && message.app === app) pages.get(message.page)?.receive(message.text)
    } else if ('page' in message) {
      if (message.is === 'here') open(message.page)
      else {
        pages.get(message.page)?.close()
        pages.delete(message.page)
      }
    }
  }
  const end = (): void => {
    say({ app, is: 'gone' })
    for (const connection of pages.values()) connection.close()
    pages.clear()
  }
  addEventListener('pagehide', end)
  say({ app, is: 'here' })
  return () => {
    removeEventListener('pagehide', end)
    end()
    channel.close()
  }
}
