// The sequence file of a reservation log: the number of the log's last change, in a file beside the log's folder. Most
// changes are not synced, and LevelDB may drop the last ones without notice; the file shows that changes are missing.
import { openSync, writeSync } from 'node:fs'
import { readRegularFile } from '../regular-file.ts'

/** The number is padded to this many bytes, so that a shorter one overwrites a longer one. */
const BYTES = 16

const sequenceFileOf = (directory: string): string => `${directory}.seq`

/** Makes the sequence file and returns its descriptor. `flag`: `wx` fails when the file exists, `w` empties it. */
export function openSequenceFile(directory: string, flag: 'wx' | 'w'): number {
  return openSync(sequenceFileOf(directory), flag, 0o600)
}

/**
 * Writes the number of the log's last change, without fsync: what is written outlives the host process, and after a
 * power failure no process is left that the log would have to name. Errors are ignored: with a number that is too low,
 * missing changes may go unnoticed, but an intact log is not taken for a damaged one.
 */
export function writeSequence(descriptor: number, seq: number): void {
  try {
    writeSync(descriptor, String(seq).padEnd(BYTES), 0)
  } catch {
    // See above.
  }
}

/** The number of the last change; undefined when the file does not exist or cannot be read. */
export function readSequence(directory: string): number | undefined {
  try {
    const seq = Number(readRegularFile(sequenceFileOf(directory)))
    return Number.isSafeInteger(seq) ? seq : undefined
  } catch {
    return undefined
  }
}
