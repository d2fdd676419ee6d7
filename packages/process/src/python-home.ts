import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that contains the Python package `terrarium`: beside this package when published, else in the repository. */
export function pythonHome(): string {
  const here = fileURLToPath(new URL('..', import.meta.url))
  const published = join(here, 'python')
  return existsSync(join(published, 'terrarium', '_arm.py')) ? published : join(here, '..', '..', 'python', 'src')
}
