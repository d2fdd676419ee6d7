// Reads the reservation log of another run, for the sweep and for tests. The log is read from a copy and never changed:
// a damaged log is not repaired, since the scan for spawn tags needs no log.
import { accessSync, constants, existsSync, lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { copyLog } from './copy-log.ts'
import { loadLevel } from './load-level.ts'
import { lockLog } from './log-lock.ts'
import { HEAD, MODULUS, unseal, type Head, type Stored } from './record.ts'
import { readSequence } from './sequence-file.ts'

/** What a log holds. */
export interface LogContents {
  /** The reservations that were not released. */
  readonly reservations: readonly Stored[]
  /** What is wrong with the log, one sentence each; empty for a whole log. */
  readonly damage: readonly string[]
}

/** How the names of folders with copies begin, below the temporary folder. */
const COPY = 'terrarium-log-'
/** A copy of this age, in ms, belongs to a reader that was killed. */
const STALE_MS = 3_600_000
/**
 * How long to wait for the lock of a dead host, in ms: a process that the host was just starting holds the host's
 * descriptors until its exec().
 */
const LOCK_PATIENCE_MS = 1000

/** Removes copies whose readers were killed. */
export function clearCopies(): void {
  for (const folder of copyFolders()) {
    for (const name of readdirSync(folder).filter((each) => each.startsWith(COPY))) {
      const copy = join(folder, name)
      const stat = lstatSync(copy, { throwIfNoEntry: false })
      const isStale = stat?.isDirectory() && stat.uid === process.getuid?.() && Date.now() - stat.mtimeMs > STALE_MS
      if (isStale) rmSync(copy, { recursive: true, force: true })
    }
  }
}

/** The folders for copies, best first. TMPDIR may name a folder that does not exist or that this user may not use. */
function copyFolders(): string[] {
  return [...new Set([tmpdir(), '/tmp'])].filter((folder) => {
    try {
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Reads the log of a run whose host is dead, from a copy. Damage is returned, not thrown. Errors: STATE_LOCKED while
 * another process or another call has the log open.
 */
export async function readLog(folder: string): Promise<LogContents> {
  const directory = existsSync(folder) ? realpathSync(folder) : resolve(folder)
  const lastSeq = readSequence(directory)
  const lock = await lockLog(directory, LOCK_PATIENCE_MS)
  let copy: string | undefined
  try {
    copy = mkdtempSync(join(copyFolders()[0] ?? dirname(directory), COPY))
    if (existsSync(directory)) copyLog(directory, copy)
    const { reservations, damage } = readdirSync(copy).length === 0 ? MISSING : await readCopy(copy, lastSeq)
    // Without a sequence file the host died while it made the log: it has reserved nothing.
    return { reservations, damage: lastSeq === undefined && reservations.length === 0 ? [] : damage }
  } catch (error) {
    return { reservations: [], damage: [`the log cannot be read: ${rootMessage(error)}`] }
  } finally {
    if (copy !== undefined) rmSync(copy, { recursive: true, force: true })
    await lock.release()
  }
}

const MISSING: LogContents = { reservations: [], damage: ['the log is gone'] }

async function readCopy(copy: string, lastSeq: number | undefined): Promise<LogContents> {
  const reservations: Stored[] = []
  const damage: string[] = []
  let head: Head | undefined
  const { Level } = await loadLevel()
  const level = new Level<string, string>(copy, { createIfMissing: false })
  try {
    await level.open()
    for await (const [key, value] of level.iterator()) {
      const record = unseal(value)
      if (record === undefined) damage.push(`record ${key} has a wrong checksum`)
      else if (key === HEAD) head = record as Head
      else reservations.push(record as Stored)
    }
  } catch (error) {
    damage.push(`the log does not open: ${rootMessage(error)}`)
  } finally {
    await level.close()
  }
  if (head === undefined) damage.push('the head record is missing')
  else damage.push(...compare(head, reservations, lastSeq ?? 0))
  return { reservations, damage }
}

/** What the records lack, by their head and by the number of the last change. */
function compare(head: Head, reservations: readonly Stored[], lastSeq: number): string[] {
  const damage: string[] = []
  const sum = reservations.reduce((total, { seq }) => (total + seq) % MODULUS, 0)
  if (reservations.length !== head.count)
    damage.push(`${head.count} reservations expected, ${reservations.length} found`)
  else if (sum !== head.sum) damage.push('some reservations are older than they should be')
  if (lastSeq > head.seq) damage.push(`it ends with change ${head.seq}, and ${lastSeq} were made`)
  return damage
}

function rootMessage(error: unknown): string {
  let root = error
  while (root instanceof Error && root.cause !== undefined) root = root.cause
  return root instanceof Error ? root.message : String(root)
}
