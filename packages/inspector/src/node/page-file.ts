// The page as the build made it: one HTML file, and the content security policy that it names.
import { readFileSync } from 'node:fs'

/** The build's own file, from the sources too. */
const FILE = new URL('../../dist/page.html', import.meta.url)

export interface PageFile {
  readonly html: string
  /** Header form: the page may talk to its own server only, and stands in no frame. */
  readonly policy: string
  /** The same, but the page may also talk to other servers on loopback. */
  readonly openPolicy: string
}

let read: PageFile | undefined

export function pageFile(): PageFile {
  return (read ??= readPage())
}

function readPage(): PageFile {
  const html = readFileSync(FILE, 'utf8')
  const [, written = "default-src 'none'"] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html) ?? []
  const policy = written.replace(/connect-src [^;]*/, "connect-src 'self'")
  const noFrames = "; frame-ancestors 'none'"
  return { html, policy: policy + noFrames, openPolicy: written + noFrames }
}
