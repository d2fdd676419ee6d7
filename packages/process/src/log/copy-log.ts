// Copies a reservation log, so that it can be read without opening the original.
import { copyFileSync, constants, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { kindOf } from '../regular-file.ts'

/** The largest log that is copied, in bytes. LevelDB compacts a log long before it is this large. */
const MOST_BYTES = 256 * 1024 * 1024

/**
 * Copies the regular files of a log into an existing folder, without LevelDB's lock file. Anything else in the folder
 * is left out: reading a FIFO or a device may never end. Throws an Error for what is not a folder or too large.
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
