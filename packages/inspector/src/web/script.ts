// What a plain script element loads, as the global TerrariumInspector: the inspector with its page inside.
import type { Globals } from './globals.ts'
import { createWebInspector, type WebInspector, type WebInspectorOptions } from './inspector.ts'

/** The HTML of the page. The bundle puts it in. */
declare const PAGE: string

/** As createInspector() of @terrarium/inspector/web, without a server for the page. */
export function createInspector(options: WebInspectorOptions = {}): WebInspector {
  const { Blob, URL } = globalThis as unknown as Globals
  // A document from a blob is of the same origin, and so hears the same channel.
  const address = (): string => URL.createObjectURL(new Blob([PAGE], { type: 'text/html' }))
  return createWebInspector(options, address, () => Promise.resolve(PAGE))
}
