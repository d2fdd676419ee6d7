// The Python package that workers run. It has to speak the same version of the protocol as this host: a package of
// another release may not even get as far as its Hello, so its version is read before it is started.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonFiles } from '@terrarium/process'
import { TerrariumError } from '@terrarium/supervisor/base'
import { PROTOCOL_VERSION } from './version.ts'

/** Folders whose package speaks this host's version. */
const checked = new Set<string>()

/**
 * The folder with the Python package `terrarium`. Errors: CONFIGURATION when it is not there, or is of a release that
 * speaks another version of the protocol.
 */
export function workerFiles(): string {
  const folder = pythonFiles(import.meta.url, '@terrarium/worker', 'terrarium')
  if (!checked.has(folder)) {
    checkVersion(folder)
    checked.add(folder)
  }
  return folder
}

function checkVersion(folder: string): void {
  const file = join(folder, 'terrarium', '_version.py')
  const version = /^PROTOCOL_VERSION = (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]
  if (version === String(PROTOCOL_VERSION)) return
  throw new TerrariumError(
    'CONFIGURATION',
    `this host speaks version ${PROTOCOL_VERSION} of the protocol, the Python package of the workers speaks ${version ?? 'none'}`,
    {
      hint: `Use the Node packages and the Python package of the same release (${join(folder, 'terrarium')}).`,
      details: { package: '@terrarium/worker', version },
    },
  )
}
