// `terrarium open`: prints the address of the page of each observed program that serves one.
import { TerrariumError } from '@terrarium/supervisor/base'
import { observedPrograms, programOf } from '../programs.ts'
import { writeJson } from '../terminal/output.ts'

export interface OpenOptions {
  readonly json?: boolean
}

/** Runs `terrarium open`. Resolves with the exit code. */
export async function open({ json = false }: OpenOptions): Promise<number> {
  const pages = (await observedPrograms()).flatMap((picture) =>
    picture.hello.page === undefined ? [] : [{ ...programOf(picture), page: picture.hello.page }],
  )
  if (pages.length === 0) {
    throw new TerrariumError('STOPPED', 'no observed program serves a page', {
      hint: 'Write `await observe(pool, { page: true })` in the program, and start it again.',
    })
  }
  if (json) writeJson({ pages })
  else process.stdout.write(pages.map(({ name, pid, page }) => `${name} (pid ${pid})  ${page}\n`).join(''))
  return 0
}
