// createInspector() for browsers: a tap that pages of the same origin find over a BroadcastChannel. The page itself
// comes from the Vite server, or is a part of the script that has loaded this.
import type { AnyActorRef } from 'xstate'
import { systemClock } from '../shared/clock.ts'
import { checkOptions, InspectorError, isFlag, isFunction, isText, type Rule } from '../shared/inspector-error.ts'
import { CHANNEL, fragmentOf, VITE_PATH } from '../shared/places.ts'
import type { Redact } from '../shared/redact.ts'
import { connectStately, isAdapter, type StatelyAdapter } from '../shared/stately.ts'
import { Tap } from '../shared/tap.ts'
import { watchRoot } from '../shared/watch-root.ts'
import { traceFile } from '../shared/trace-file.ts'
import { offerTap } from './channel.ts'
import type { Globals } from './globals.ts'

export interface WebInspectorOptions {
  /** What the page calls the application. Default: the title of the document. */
  readonly name?: string | undefined
  /** Whether the value under a key is not shown, in addition to the rules for secrets. Default: none. */
  readonly redact?: Redact | undefined
  /** Keeps the contents of events also while no page is open, for `save()`. Default: false. */
  readonly record?: boolean | undefined
  /** An adapter of `@statelyai/inspect`, which is told everything, too. Default: none. */
  readonly stately?: StatelyAdapter | undefined
}

export interface WebInspector {
  /** For XState's option `inspect`. Never throws. */
  readonly inspect: (event: unknown) => void
  /**
   * Shows a root that was made without the option `inspect`, and what is below it; it may run already. While no page is
   * open it is not listened to, and costs nothing. Answers what ends it. Throws INVALID_ARGUMENT for what is no actor.
   */
  watch(root: AnyActorRef): () => void
  /** What to open in a tab of the same browser. */
  readonly address: string
  /** Opens the page in a tab: call it when a user has clicked, since browsers stop other pop-ups. */
  open(): void
  /** Downloads what is known now as one HTML file. Rejects with NOT_SAVED. */
  save(name?: string): Promise<void>
  /** Ends every connection. What `inspect` hears is still counted. */
  close(): void
}

const RULES: Readonly<Record<keyof WebInspectorOptions, Rule>> = {
  name: [isText, 'a text'],
  redact: [isFunction, 'a function'],
  record: [isFlag, 'true or false'],
  stately: [isAdapter, 'an adapter, which has a method send'],
}

/**
 * Offers the actors of this document to the page of the inspector, which the Vite plugin serves at `/__inspector/`.
 * Pass `inspect` to each root: `createActor(machine, { inspect })`. Throws INVALID_ARGUMENT with every mistake.
 */
export function createInspector(options: WebInspectorOptions = {}): WebInspector {
  const { location } = globalThis as unknown as Globals
  const page = `${location.origin}${VITE_PATH}`
  return createWebInspector(
    options,
    () => page,
    () => fetchPage(page),
  )
}

/** `addressOf`: the address of the page; `htmlOf`: its text. */
export function createWebInspector(
  options: WebInspectorOptions,
  addressOf: () => string,
  htmlOf: () => Promise<string>,
): WebInspector {
  checkOptions('createInspector()', options, RULES)
  const globals = globalThis as unknown as Globals
  const { name = globals.document.title || 'application', redact, record = false, stately } = options
  const agent = /(?:Firefox|Edg|Chrome|Version)\/[\d.]+/.exec(globals.navigator.userAgent)?.[0] ?? 'a browser'
  const tap = new Tap({ clock: systemClock, hello: { name, agent }, redact })
  if (record) tap.connect({ send: () => undefined, buffered: () => 0 })
  const told = stately && connectStately(tap, stately)
  const close = offerTap(tap, CHANNEL)
  const address = `${addressOf()}${fragmentOf(CHANNEL)}`
  return {
    inspect: tap.inspect,
    watch: (root) => watchRoot(tap, root),
    address,
    open: () => {
      const { open } = globals
      open(address, 'terrarium.inspector')
    },
    save: async (file = 'trace.html') => {
      download(traceFile(await htmlOf(), tap.trace()), file)
    },
    close: () => {
      told?.close()
      close()
    },
  }
}

async function fetchPage(page: string): Promise<string> {
  const { fetch } = globalThis as unknown as Globals
  const answer = await fetch(page)
  const html = await answer.text()
  if (answer.ok && html.includes('id="trace"')) return html
  throw new InspectorError('NOT_SAVED', `the page of the inspector is not at ${page}`, {
    hint: 'Add inspector() of @terrarium/inspector/vite to the plugins of the Vite configuration.',
    details: { page },
  })
}

function download(html: string, name: string): void {
  const { Blob, URL, document } = globalThis as unknown as Globals
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([html], { type: 'text/html' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
