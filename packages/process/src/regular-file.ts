// Reads files in folders where other programs may have put anything.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'

/** The largest file that is read without an argument, in bytes. */
const MOST_BYTES = 65_536

/**
 * Reads a small regular file as UTF-8. Nothing else is opened: reading a FIFO, a device or a socket may never end, and
 * a symbolic link leads to a file of another owner. Throws an Error that names the kind of the file or its size in
 * bytes; for a missing file the system's ENOENT.
 */
export function readRegularFile(path: string, most = MOST_BYTES): string {
  // Checked before open(), since opening some devices has an effect: /dev/watchdog starts its countdown. Checked again
  // after it, since the file may have been replaced in between.
  refuseOdd(path, lstatSync(path))
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(file)
    refuseOdd(path, stat)
    if (stat.size > most) throw new Error(`${path} has ${stat.size} bytes, and at most ${most} are expected`)
    const bytes = Buffer.alloc(stat.size)
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(file)
  }
}

function refuseOdd(path: string, stat: Stats): void {
  if (!stat.isFile()) throw new Error(`${path} is ${kindOf(stat)}, not a file`)
}

/** The kind of a file, in words: `a folder`, `a FIFO`. */
export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder'
  if (stat.isSymbolicLink()) return 'a symbolic link'
  if (stat.isFIFO()) return 'a FIFO'
  if (stat.isSocket()) return 'a socket'
  return stat.isFile() ? 'a file' : 'a device'
}
