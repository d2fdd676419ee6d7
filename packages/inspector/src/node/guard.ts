// Who may talk to the server of a page. Any page of any site, and any user of the machine, can reach a port on
// loopback: so a request must name this server by an exact Host, and a WebSocket must come from its own page, with its
// token.
import { timingSafeEqual, createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export const SUBPROTOCOL = 'terrarium.v1'

export interface Guard {
  /** The exact hosts that a request may name, each with the origin that its page then has. */
  readonly hosts: ReadonlyMap<string, string>
  readonly token: string
  /** Other origins whose pages may connect, with the token. */
  readonly origins: readonly string[]
}

/** The hosts of a server on loopback. */
export function loopbackHosts(port: number): Guard['hosts'] {
  return new Map(['127.0.0.1', 'localhost', '[::1]'].map((name) => [`${name}:${port}`, `http://${name}:${port}`]))
}

/** A name that leads here by DNS is refused: a page of its site would be of the same origin. */
export function isOwnHost(host: string | undefined, { hosts }: Guard): boolean {
  return host !== undefined && hosts.has(host)
}

/** Whether a WebSocket comes from a page with the token. */
export function mayConnect({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>, guard: Guard): boolean {
  const { host, origin } = headers
  if (method !== 'GET' || !isOwnHost(host, guard) || origin === undefined) return false
  if (origin !== guard.hosts.get(host ?? '') && !guard.origins.includes(origin)) return false
  const items = (headers['sec-websocket-protocol'] ?? '').split(',').map((item) => item.trim())
  return items.includes(SUBPROTOCOL) && items.some((item) => isSame(item, `auth.${guard.token}`))
}

/** Compares whole texts, in a time that does not tell how much of them is the same. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
