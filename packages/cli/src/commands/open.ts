// `terrarium open`: prints the address of the page of each observed program that serves one, and opens the page of the
// program that was started last in a browser.
import { dirname } from 'node:path'
import { TerrariumError } from '@terrarium/supervisor/base'
import { observedPrograms, programOf } from '../programs.ts'
import { openInBrowser } from '../terminal/browser.ts'
import { writeJson } from '../terminal/output.ts'

export interface OpenOptions {
  readonly json?: boolean
  /** False with `--no-browser`. */
  readonly browser?: boolean
  /** With `--actions`: opens the page that may also act, for example restart a child. */
  readonly actions?: boolean
}

/** Runs `terrarium open`. Resolves with the exit code. */
export async function open({ json = false, browser = true, actions = false }: OpenOptions): Promise<number> {
  const served = (await observedPrograms()).flatMap((picture) => {
    const page = actions ? picture.hello.actionsPage : picture.hello.page
    return page === undefined ? [] : [{ picture, page }]
  })
  const last = served.at(-1)
  if (last === undefined) {
    const [what, option] = actions ? [' with actions', ', actions: true'] : ['', '']
    throw new TerrariumError('STOPPED', `no observed program serves a page${what}`, {
      hint: `Write \`await observe(pool, { page: true${option} })\` in the program, and start it again.`,
    })
  }
  if (json) {
    writeJson({ pages: served.map(({ picture, page }) => ({ ...programOf(picture), page })) })
    return 0
  }
  for (const { picture, page } of served) {
    const { name, pid } = picture.hello
    process.stdout.write(`${name} (pid ${pid})  ${page}\n`)
  }
  // The folder of a program's socket is private, and goes with the program.
  if (browser) await openInBrowser(last.page, dirname(last.picture.socket))
  return 0
}
