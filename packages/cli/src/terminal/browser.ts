// Opens a page in the browser of a person who sits at the terminal.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isTerminal } from './output.ts'

/** How long a starter of browsers may take to say that there is none, in ms. */
const PATIENCE = 2_000

/** The name of the file in the private folder. */
const FILE = 'open.html'

/**
 * Opens a page in the user's browser, and resolves with whether one was started: not in a pipe, in CI, or where there
 * is no display. The address holds the token of the page, and every user of the machine can read the arguments of a
 * program: so the browser is given a file, only for this user, which leads to the page. `folder`: a private folder,
 * for the file.
 */
export async function openInBrowser(address: string, folder: string): Promise<boolean> {
  const starter = isTerminal() && (process.env['CI'] ?? '') === '' ? browserStarter() : undefined
  if (starter === undefined) return false
  const file = join(folder, FILE)
  writeFileSync(
    file,
    `<!doctype html><meta http-equiv="refresh" content="0; url=${address.replaceAll('&', '&amp;')}"><title>Terrarium</title>\n`,
    {
      mode: 0o600,
    },
  )
  return await new Promise((resolve) => {
    const child = spawn(starter, [file], { stdio: 'ignore', detached: true })
    child.unref()
    const late = setTimeout(resolve, PATIENCE, true)
    child.once('error', () => {
      clearTimeout(late)
      resolve(false)
    })
    child.once('exit', (code) => {
      clearTimeout(late)
      resolve(code === 0)
    })
  })
}

/** The command that opens a file in a browser; undefined where nothing can be shown. */
function browserStarter(): string | undefined {
  const { BROWSER = '', DISPLAY = '', WAYLAND_DISPLAY = '' } = process.env
  if (BROWSER !== '') return BROWSER
  if (process.platform === 'darwin') return 'open'
  return DISPLAY === '' && WAYLAND_DISPLAY === '' ? undefined : 'xdg-open'
}
