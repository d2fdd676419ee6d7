import { copyFileSync, constants, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { kindOf } from '../regular-file.ts'

/** A log is written anew long before it has so many bytes. */
const MOST_BYTES = 256 * 1024 * 1024

/**
 * Copies the files of a log into an existing folder, and nothing else that may lie there: no reader waits for a FIFO or
 * a device.
 */
export function copyLog(from: string, to: string): void {
  const stat = lstatSync(from)
  if (!stat.isDirectory()) throw new Error(`${from} is ${kindOf(stat)}, not a folder`)
  let bytes = 0
  for (const name of readdirSync(from)) {
    const file = lstatSync(join(from, name), { throwIfNoEntry: false })
    if (name === 'LOCK' || !file?.isFile()) continue
    bytes += file.size
    if (bytes > MOST_BYTES) throw new Error(`${from} has more than ${MOST_BYTES} bytes`)
    copyFileSync(join(from, name), join(to, name), constants.COPYFILE_FICLONE)
  }
}
