// A page in a server of the user's own, for example behind TLS: the same guard as on loopback, with the user's origins.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { checkOptions, isFunction, type Rule } from '../shared/inspector-error.ts'
import type { Guard } from './guard.ts'
import { answerWithPage, PageSockets, type Connect } from './page-answers.ts'

export interface MountOptions {
  /**
   * The origins by which browsers reach the server, for example `https://ops.example`: requests must name the host of
   * one of them, and WebSockets must come from it. Without TLS only loopback.
   */
  readonly origins: readonly string[]
  /** Where the page is; begins and ends with `/`. Default: `/`. */
  readonly path?: string | undefined
  /** What a page needs to be shown anything: at least 32 of `A-Z a-z 0-9 _ -`. Default: 24 random bytes. */
  readonly token?: string | undefined
  /** Called when a page has connected. */
  readonly connect: Connect
}

/** A page that is mounted in a server. Its functions may be passed on without it. */
export interface MountedPage {
  /** What to open, for each origin, with the token in its fragment, which is in no request and no log. */
  readonly addresses: readonly string[]
  /** Answers a request for the page, and tells whether it was one. Any other request is left as it is. */
  readonly request: (request: IncomingMessage, response: ServerResponse) => boolean
  /** The same for the WebSocket of the page, on the event `upgrade` of the server. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** Closes the WebSockets. */
  readonly close: () => void
}

const TOKEN_BYTES = 24

const RULES: Readonly<Record<keyof MountOptions, Rule>> = {
  origins: [
    (value) => Array.isArray(value) && value.length > 0 && value.every(isSafeOrigin),
    'a list of origins such as https://ops.example; http: is for loopback only',
  ],
  path: [isMountPath, 'a path that begins and ends with /, such as /terrarium/'],
  token: [isToken, 'a token: at least 32 of A-Z a-z 0-9 _ -'],
  connect: [isFunction, 'a function'],
}

/** Whether an origin may have a page: with TLS, or on loopback. */
export function isSafeOrigin(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { origin, protocol, hostname } = new URL(value)
  const isSafe = protocol === 'https:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
  return origin === value && isSafe && /^(\[[\da-f:]+\]|[\w.-]+)$/.test(hostname)
}

/** Whether a path may have a page. */
export function isMountPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/([\w.~-]+\/)*$/.test(value)
}

/** Whether a text is a token that cannot be guessed and that every header can carry. */
export function isToken(value: unknown): boolean {
  return typeof value === 'string' && /^[\w-]{32,256}$/.test(value)
}

/** Throws INVALID_ARGUMENT with every mistake. */
export function mountPage(options: MountOptions): MountedPage {
  const given = options as Partial<MountOptions>
  checkOptions('mountPage()', { ...given, origins: given.origins ?? [] }, RULES)
  const { origins, path = '/', token = randomBytes(TOKEN_BYTES).toString('base64url'), connect } = options
  const hosts = new Map(origins.map((origin) => [new URL(origin).host, origin]))
  const guard: Guard = { hosts, token, origins: [] }
  const sockets = new PageSockets(() => guard, connect)
  return {
    addresses: origins.map((origin) => `${origin}${path}#t=${token}`),
    request(request, response) {
      const url = pathOf(request)
      if (url !== path) return false
      answerWithPage({ headers: request.headers, method: request.method, url }, response, guard, path)
      return true
    },
    upgrade(request, socket, head) {
      if (pathOf(request) !== `${path}ws`) return false
      sockets.take(request, socket, head)
      return true
    },
    close() {
      sockets.close()
    },
  }
}

/** The path of the whole request. Express removes the path of the router from `url`, but keeps `originalUrl`. */
function pathOf(request: IncomingMessage): string | undefined {
  const { originalUrl = request.url } = request as { originalUrl?: string }
  return originalUrl?.split('?')[0]
}
