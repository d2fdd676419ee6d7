// A trace as one HTML file: the page, with the messages that a source would have sent.
import type { FromSource } from './protocol.ts'

/** Where the page looks for a trace. */
const PLACE = '<script type="application/json" id="trace"></script>'

/** A policy of the page's own forbids every other script, and inside of JSON no element can end. */
export function traceFile(page: string, messages: readonly FromSource[]): string {
  const json = JSON.stringify(messages).replaceAll('<', '\\u003c')
  return page.replace(PLACE, () => PLACE.replace('></', () => `>${json}</`))
}
