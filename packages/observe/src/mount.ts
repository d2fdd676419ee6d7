// The page and the health of an observer in a server of the user's own: Node's, Express or Fastify.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Checker } from '@terrarium/supervisor/base'
import type { Observer } from './observe.ts'
import { toReaders } from './page.ts'

export interface MountOptions {
  /**
   * The origins by which browsers reach the server, such as `https://ops.example`; without TLS only loopback. Without
   * origins there is no page, only the health.
   */
  readonly origins?: readonly string[]
  /** Where the page is; begins and ends with `/`. The health is `health` below it. Default `/terrarium/`. */
  readonly path?: string
  /** What a page needs to be shown anything: at least 32 of `A-Z a-z 0-9 _ -`. Default: 24 random bytes. */
  readonly token?: string
}

/** What `mount()` returns. Its functions may be passed on without it. */
export interface Mounted {
  /** What to open, for each origin, with the token in the fragment, which is in no request and no log. */
  readonly addresses: readonly string[]
  /** Answers a request for page or health, and tells whether it was one. Any other request is left as it is. */
  readonly request: (request: IncomingMessage, response: ServerResponse) => boolean
  /** The same for the WebSocket of the page, on the event `upgrade` of the server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** Closes the WebSockets of the pages. */
  readonly close: () => void
}

const OPTIONS: Readonly<Record<keyof MountOptions, true>> = { origins: true, path: true, token: true }

const PATH = '/terrarium/'

/**
 * Mounts the page and the health of an observer in a server. Errors: INVALID_ARGUMENT, naming every mistake at once.
 *
 * ```ts
 * const { request, upgrade } = await mount(observer, { origins: ['https://ops.example'] })
 * ```
 */
export async function mount(observer: Observer, options: MountOptions = {}): Promise<Mounted> {
  const { mountPage, isMountPath, isSafeOrigin, isToken } = await import('@terrarium/inspector/server')
  const check = new Checker()
  if (check.object('options', options, OPTIONS)) {
    const areSafe = (list: unknown): boolean => Array.isArray(list) && list.every(isSafeOrigin)
    check.known(options, OPTIONS)
    check.field(options, 'origins', areSafe, 'a list of origins like https://ops.example; http: is for loopback only')
    check.field(options, 'path', isMountPath, 'a path that begins and ends with /, like /terrarium/')
    check.field(options, 'token', isToken, 'a token: at least 32 of A-Z a-z 0-9 _ -')
  }
  check.finish('mount()')
  const { origins = [], path = PATH, token } = options
  const connect = toReaders((port) => observer.connect(port))
  const page = origins.length === 0 ? undefined : mountPage({ origins, path, token, connect })
  return {
    addresses: page?.addresses ?? [],
    request(request, response) {
      if (pathOf(request) === `${path}health`) answerWithHealth(observer, request, response)
      else return page?.request(request, response) ?? false
      return true
    },
    upgrade: (request, socket, head) => page?.upgrade(request, socket, head) ?? false,
    close: () => page?.close(),
  }
}

/** Answers with one word of health. Needs no token and accepts any host, as load balancers know neither. */
function answerWithHealth(observer: Observer, { method }: IncomingMessage, response: ServerResponse): void {
  const isAllowed = method === 'GET' || method === 'HEAD'
  const health = observer.health()
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  response.writeHead(!isAllowed ? 405 : health.status === 'down' ? 503 : 200, headers)
  response.end(isAllowed && method === 'GET' ? `${JSON.stringify(health)}\n` : '')
}

/** The path of the whole request. Express removes the path of the router from `url`, but keeps `originalUrl`. */
function pathOf(request: IncomingMessage): string | undefined {
  const { originalUrl = request.url } = request as { originalUrl?: string }
  return originalUrl?.split('?')[0]
}
