// Copies of damaged reservation logs, so that a person can find out what damaged them.
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyLog } from './copy-log.ts'

/** How many copies are kept; older ones are removed. */
const MOST = 5

/**
 * Copies the log of `run` to `<stateDir>/damaged/<run>`, before the run is removed. Returns what was done, in words for
 * an error message. Never throws.
 */
export function keepDamagedLog(logDirectory: string, stateDir: string, run: string): string {
  const folder = join(stateDir, 'damaged')
  const copy = join(folder, run)
  try {
    mkdirSync(copy, { recursive: true, mode: 0o700 })
    copyLog(logDirectory, copy)
    prune(folder)
    return `a copy is kept in ${copy}`
  } catch (error) {
    return `no copy could be kept: ${(error as Error).message}`
  }
}

function prune(folder: string): void {
  const age = (name: string): number => lstatSync(join(folder, name)).mtimeMs
  const oldest = readdirSync(folder).sort((one, other) => age(other) - age(one))
  for (const name of oldest.slice(MOST)) rmSync(join(folder, name), { recursive: true, force: true })
}
