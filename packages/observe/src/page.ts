// The page of an observer: the inspector's page, on loopback, with a token. It is loaded only where it is asked for.
import type { PageConnection, PageServer, PageSink } from '@terrarium/inspector/server'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import type { ReaderConnection, ReaderPort } from './reader.ts'

export type { PageServer }

/** Errors: START_FAILED. */
export async function openPage(connect: (port: ReaderPort) => ReaderConnection): Promise<PageServer> {
  try {
    const { servePage } = await import('@terrarium/inspector/server')
    return await servePage({ connect: toReaders(connect) })
  } catch (cause) {
    throw new TerrariumError('START_FAILED', `the page cannot be served: ${messageOf(cause)}`, { cause })
  }
}

/** A page as a reader of an observer. */
export function toReaders(connect: (port: ReaderPort) => ReaderConnection): (page: PageSink) => PageConnection {
  return (page) => {
    const { receive, closed } = connect({
      send: (text) => {
        page.send(text)
      },
      buffered: () => page.buffered(),
      address: page.address,
      close: () => undefined, // a page that was dropped is told nothing more; its server closes it at last
    })
    return { receive, close: closed }
  }
}
