import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs'

const MOST_BYTES = 65_536

/**
 * The text of a small regular file, in a folder where anything may lie: a FIFO, a device or a socket would keep its
 * reader waiting for ever, and what a link leads to is not ours. Throws with a message that says what it is; for a
 * missing file, the system's ENOENT.
 */
export function readRegularFile(path: string, most = MOST_BYTES): string {
  // Before it is opened: opening is all that some devices wait for.
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

/** For people. */
export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder'
  if (stat.isSymbolicLink()) return 'a symbolic link'
  if (stat.isFIFO()) return 'a FIFO'
  if (stat.isSocket()) return 'a socket'
  return stat.isFile() ? 'a file' : 'a device'
}
