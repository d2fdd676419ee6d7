// Where the page has its messages from: the server that it came from, a channel of the same browser, another server, or
// the trace in its own file. Secrets of the address are moved to the session at once.
import type { OnChannel } from '../src/shared/places.ts'
import type { FromSource } from '../src/shared/protocol.ts'
import type { Model, Source } from './model.ts'

const RETRY_MS = 1_000

/** Whether the address or the session names a place where an application may be. */
export const isPlaceNamed = (): boolean => isNamed

let isNamed = false

/** Opens every source that the address and the session name. */
export function openSources(model: Model): void {
  const trace = document.getElementById('trace')?.textContent ?? ''
  if (trace !== '') {
    openTrace(model, JSON.parse(trace) as FromSource[])
    return
  }
  const places = placesOf(location.hash)
  isNamed = places.size > 0
  for (const channel of places.getAll('b')) openChannel(model, channel)
  const token = places.get('t')
  if (token !== null) openSocket(model, ownSocket(), token, places.get('a') ?? undefined)
  for (const address of places.getAll('node')) {
    const url = URL.canParse(address) ? new URL(address) : undefined
    const other = new URLSearchParams(url?.hash.slice(1)).get('t')
    if (url !== undefined && other !== null) openSocket(model, `ws://${url.host}/ws`, other)
  }
}

/** The address of the WebSocket: `ws` in the page's own folder. */
function ownSocket(): string {
  const { protocol, host, pathname } = location
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${pathname}ws`
}

/** What the fragment names, kept for a reload, and taken out of the address. */
function placesOf(hash: string): URLSearchParams {
  const named = new URLSearchParams(hash.slice(1))
  const isNamed = ['t', 'b', 'node'].some((name) => named.has(name))
  if (!isNamed) return new URLSearchParams(read('terrarium.places') ?? '')
  write('terrarium.places', named.toString())
  // The address of a blob cannot be changed, and has no secret.
  if (location.protocol !== 'blob:') history.replaceState(null, '', location.pathname + location.search)
  return named
}

function openTrace(model: Model, messages: readonly FromSource[]): void {
  const source = model.addSource(() => undefined, 'trace')
  for (const message of messages) model.take(source, message)
}

function openSocket(model: Model, url: string, token: string, actions?: string): void {
  let socket: WebSocket | undefined
  const source = model.addSource(
    (message) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
    },
    'connecting',
    actions,
  )
  const connect = (): void => {
    const opened = new WebSocket(url, ['terrarium.v1', `auth.${token}`])
    socket = opened
    opened.onopen = () => {
      model.setLink(source, 'live')
    }
    opened.onmessage = ({ data }) => {
      takeText(model, source, data)
    }
    opened.onclose = () => {
      model.setLink(source, 'lost')
      setTimeout(connect, RETRY_MS)
    }
  }
  connect()
}

/** Applications in other tabs of the same origin. Each is a source. */
function openChannel(model: Model, name: string): void {
  const channel = new BroadcastChannel(name)
  const page = crypto.randomUUID()
  const sources = new Map<string, Source>()
  const say = (message: OnChannel): void => {
    channel.postMessage(message)
  }
  const sourceOf = (app: string): Source => {
    const known = sources.get(app)
    if (known !== undefined) return known
    // An application that was loaded again is another one.
    for (const [other, source] of sources)
      if (source.link === 'lost' && sources.delete(other)) model.removeSource(source)
    const source = model.addSource((message) => {
      say({ app, page, by: 'page', text: JSON.stringify(message) })
    }, 'live')
    sources.set(app, source)
    return source
  }
  channel.onmessage = ({ data }: MessageEvent<OnChannel>) => {
    if ('text' in data) {
      if (data.by === 'app' && data.page === page) takeText(model, sourceOf(data.app), data.text)
    } else if ('app' in data) {
      const source = sources.get(data.app)
      if (data.is === 'here') say({ page, is: 'here' })
      else if (source !== undefined) model.setLink(source, 'lost')
    }
  }
  addEventListener('pagehide', () => {
    say({ page, is: 'gone' })
  })
  say({ page, is: 'here' })
}

function takeText(model: Model, source: Source, text: unknown): void {
  if (typeof text === 'string') model.take(source, JSON.parse(text) as FromSource)
}

/** Storage is refused in some places, such as a file. */
export function read(name: string): string | null {
  try {
    return sessionStorage.getItem(name)
  } catch {
    return null
  }
}

export function write(name: string, value: string): void {
  try {
    sessionStorage.setItem(name, value)
  } catch {
    // Nothing is remembered here.
  }
}
