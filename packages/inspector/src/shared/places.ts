// Where a page in a browser finds applications, as its address names it.

/** The channel of the applications of one origin. */
export const CHANNEL = 'terrarium.inspector'

/** Where a Vite server has the page. */
export const VITE_PATH = '/__inspector/'

/** The fragment for the applications of a browser, and for another server with its whole address. */
export function fragmentOf(channel: string, server?: string): string {
  return `#b=${encodeURIComponent(channel)}${server === undefined ? '' : `&node=${encodeURIComponent(server)}`}`
}

/** What goes over a channel. Everything is heard by every page and every application of the origin. */
export type OnChannel =
  | { readonly app: string; readonly is: 'here' | 'gone' }
  | { readonly page: string; readonly is: 'here' | 'gone' }
  | { readonly app: string; readonly page: string; readonly by: 'app' | 'page'; readonly text: string }
