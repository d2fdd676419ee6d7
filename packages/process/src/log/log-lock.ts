// The lock on a reservation log: one writer or reader at a time, also within this process.
import { TerrariumError } from '@terrarium/supervisor/base'
import { lockBySocket } from './socket-lock.ts'

/**
 * The logs that are open in this process, also by other copies of this package. LevelDB's own lock is a POSIX lock on a
 * file: closing any descriptor of that file in this process loses it, so a second opening must not get that far.
 */
const openDirectories: Set<string> = ((globalThis as Record<symbol, unknown>)[
  Symbol.for('terrarium.process.openLogs')
] ??= new Set<string>()) as Set<string>

/** A lock that is held. */
export interface LogLock {
  /** Lets others open the log. */
  release(): Promise<void>
}

/**
 * Locks the log in this folder, given by its real path. `patience`: how long to wait for another process, in ms,
 * default
 * 0. Errors: STATE_LOCKED.
 */
export async function lockLog(directory: string, patience = 0): Promise<LogLock> {
  if (openDirectories.has(directory)) {
    throw new TerrariumError('STATE_LOCKED', `The reservation log ${directory} is already open in this process`)
  }
  openDirectories.add(directory)
  try {
    const lock = await lockBySocket(directory, patience)
    return {
      async release() {
        await lock.release()
        openDirectories.delete(directory)
      },
    }
  } catch (error) {
    openDirectories.delete(directory)
    throw error
  }
}
