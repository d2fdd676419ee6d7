import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Level } from 'level'
import { TerrariumError } from '@terrarium/supervisor/base'
import { copyLog } from './copy-log.ts'
import { lockFolder, type FolderLock } from './folder-lock.ts'
import { loadLevel } from './load-level.ts'
import { seal, unseal, type Head, type Reservation, type Stored } from './record.ts'
import { readRegularFile } from '../regular-file.ts'
import type { Owner } from '../run.ts'

/** What a log says, and what is wrong with it. A damaged log is never repaired: the scan for markers needs no log. */
export interface LogContents {
  readonly reservations: readonly Stored[]
  readonly damage: readonly string[]
}

interface Change {
  readonly spawn: string
  readonly reservation: Reservation | undefined
  readonly isNew: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const HEAD = 'head'
const PREFIX = 'spawn/'
/** Sums of sequence numbers are kept below this, where numbers are exact. */
const MODULUS = 2 ** 52
const WITNESS_BYTES = 16
/** Of LevelDB: one of each is always there. */
const FILES = [/^CURRENT$/, /^MANIFEST-\d+$/, /^\d+\.log$/]
/** What the folders with copies are called, below the temporary folder. */
const COPY = 'terrarium-log-'
/**
 * A process that a host was just starting when it died holds what the host held, until it has become another program.
 */
const LOCK_PATIENCE_MS = 1000
/** How long a note may wait for a change that it can be written with. */
const NOTE_MS = 50

/**
 * The reservation log of one run: its owner alone ever opens it, others read a copy. Changes that wait together are
 * written in one batch, synced when one of them is a reservation, so that a hundred reservations cost one disk sync.
 * Every record carries a sequence number and a CRC; the head tells how many there are, and their sum; and a file beside
 * the log, which nobody waits for, tells how far it went: it is there for the kill, as the page cache is, and after a
 * power failure no process is left to be found.
 */
export class ReservationLog {
  readonly #directory: string
  readonly #lock: FolderLock
  readonly #owner: Owner
  readonly #remakeFolder: () => void
  #witness: number
  readonly #records = new Map<string, Stored>()
  #level: Level
  #seq = 0
  #sum = 0
  #waiting: Change[] = []
  #writing: Promise<void> | undefined
  #soon: NodeJS.Timeout | undefined
  /** What is on disk is not known to be what is here. */
  #isDoubtful = false

  private constructor(level: Level, directory: string, owner: Owner, lock: FolderLock, remakeFolder: () => void) {
    this.#level = level
    this.#directory = directory
    this.#owner = owner
    this.#lock = lock
    this.#remakeFolder = remakeFolder
    this.#witness = openSync(witnessOf(directory), 'wx', 0o600)
  }

  /**
   * Makes a new log in an existing, empty folder. `remakeFolder` makes that again, empty, when somebody has removed it
   * or some of what is in it. Errors: STATE_LOCKED, CONFIGURATION, and those of the file system.
   */
  static async create(folder: string, owner: Owner, remakeFolder: () => void): Promise<ReservationLog> {
    const directory = realpathSync(folder)
    const lock = await own(directory)
    let level: Level | undefined
    try {
      const { Level } = await loadLevel()
      level = new Level<string, string>(directory, { createIfMissing: true, errorIfExists: true })
      await level.open()
      await level.put(HEAD, seal({ v: 1, seq: 0, count: 0, sum: 0 }), { sync: true })
      const log = new ReservationLog(level, directory, owner, lock, remakeFolder)
      log.#testify()
      return log
    } catch (error) {
      await level?.close().catch(() => undefined)
      await disown(directory, lock)
      throw error
    }
  }

  /** Resolves when the reservation is on disk. */
  reserve(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, true)
  }

  /** Replaces what is known about a reservation. Not synced: losing it loses no more than detail. */
  update(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, false)
  }

  /**
   * The same for what nobody waits for: written with the next change, or soon. A hundred processes that begin cost a
   * few writes.
   */
  note(reservation: Reservation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn: reservation.spawn, reservation, isNew: false, resolve, reject })
      this.#soon ??= setTimeout(() => {
        this.#writing ??= this.#write()
      }, NOTE_MS).unref()
    })
  }

  /** Deletes a reservation. Not synced: a reservation too many is harmless. */
  release(spawn: string): Promise<void> {
    return this.#change(spawn, undefined, false)
  }

  /** Writes what waits, then closes. */
  async close(): Promise<void> {
    await (this.#writing ??= this.#write())
    await this.#level.close()
    closeSync(this.#witness)
    await disown(this.#directory, this.#lock)
  }

  #change(spawn: string, reservation: Reservation | undefined, isNew: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn, reservation, isNew, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async #write(): Promise<void> {
    // Reservations made in the same turn of the event loop share the first batch too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      clearTimeout(this.#soon)
      this.#soon = undefined
      const changes = this.#waiting
      this.#waiting = []
      const records = changes.map(({ spawn, reservation }) => [spawn, this.#set(spawn, reservation)] as const)
      const isReserving = changes.some(({ isNew }) => isNew)
      try {
        // A reservation in a file that has no name any more would be on no disk.
        if (isReserving && !this.#isInPlace()) await this.#remake()
        else if (this.#isDoubtful) await this.#writeAll()
        else await this.#commit(records, isReserving)
        for (const change of changes) change.resolve()
      } catch (error) {
        this.#isDoubtful = true
        for (const change of changes) {
          // Who was to be reserved is told that he is not. All else is as it is, and is written as soon as that is
          // possible again.
          if (change.isNew) this.#set(change.spawn, undefined)
          change.reject(error)
        }
      }
    }
    this.#writing = undefined
  }

  async #commit(records: readonly (readonly [string, Stored | undefined])[], sync: boolean): Promise<void> {
    const batch = this.#level.batch()
    for (const [spawn, record] of records) {
      if (record === undefined) batch.del(PREFIX + spawn)
      else batch.put(PREFIX + spawn, seal(record))
    }
    batch.put(HEAD, seal(this.#head()))
    await batch.write({ sync })
    this.#testify()
  }

  #set(spawn: string, reservation: Reservation | undefined): Stored | undefined {
    this.#seq += 1
    this.#sum = (this.#sum + MODULUS - (this.#records.get(spawn)?.seq ?? 0)) % MODULUS
    if (reservation === undefined) {
      this.#records.delete(spawn)
      return undefined
    }
    const { installation, run, bootId, namespaces, uid, host } = this.#owner
    const record = { v: 1, seq: this.#seq, ...reservation, installation, run, bootId, namespaces, uid, host } as const
    this.#records.set(spawn, record)
    this.#sum = (this.#sum + this.#seq) % MODULUS
    return record
  }

  #head(): Head {
    return { v: 1, seq: this.#seq, count: this.#records.size, sum: this.#sum }
  }

  /** After a failure LevelDB writes nothing more: it is opened anew, and all of it is written again. */
  async #writeAll(): Promise<void> {
    await this.#level.close()
    await this.#open({ createIfMissing: false })
  }

  /** Writes all of it to a new log: the folder is gone, or a file in it. */
  async #remake(): Promise<void> {
    this.#isDoubtful = true
    await this.#level.close().catch(() => undefined)
    this.#remakeFolder()
    const witness = openSync(witnessOf(this.#directory), 'w', 0o600)
    closeSync(this.#witness)
    this.#witness = witness
    await this.#open({ createIfMissing: true })
  }

  async #open(options: { readonly createIfMissing: boolean }): Promise<void> {
    const { Level } = await loadLevel()
    this.#level = new Level<string, string>(this.#directory, options)
    await this.#level.open()
    const batch = this.#level.batch()
    for await (const key of this.#level.keys()) batch.del(key)
    for (const [spawn, record] of this.#records) batch.put(PREFIX + spawn, seal(record))
    batch.put(HEAD, seal(this.#head()))
    await batch.write({ sync: true })
    this.#testify()
    this.#isDoubtful = false
  }

  /** Whether the files are there that LevelDB needs to be opened. */
  #isInPlace(): boolean {
    try {
      const names = readdirSync(this.#directory)
      return FILES.every((pattern) => names.some((name) => pattern.test(name)))
    } catch (error) {
      // Short of descriptors, say: that tells nothing about the folder.
      return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    }
  }

  #testify(): void {
    try {
      writeSync(this.#witness, String(this.#seq).padEnd(WITNESS_BYTES), 0)
    } catch {
      // It then tells of less than was written, which is no damage.
    }
  }
}

/** Removes copies whose readers were killed: nobody reads for an hour. */
export function clearCopies(): void {
  for (const folder of copyFolders()) {
    for (const name of readdirSync(folder).filter((each) => each.startsWith(COPY))) {
      const copy = join(folder, name)
      const stat = lstatSync(copy, { throwIfNoEntry: false })
      const isStale = stat?.isDirectory() && stat.uid === process.getuid?.() && Date.now() - stat.mtimeMs > 3_600_000
      if (isStale) rmSync(copy, { recursive: true, force: true })
    }
  }
}

/** Where copies may be made: TMPDIR may name a folder that is not there, or not for us. */
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
 * Reads the log of a dead run, from a copy: the log itself stays as it was found. Never throws for damage; throws
 * STATE_LOCKED while somebody has it open.
 */
export async function readLog(folder: string): Promise<LogContents> {
  const directory = existsSync(folder) ? realpathSync(folder) : resolve(folder)
  const witness = readWitness(directory)
  const lock = await own(directory, LOCK_PATIENCE_MS)
  let copy: string | undefined
  try {
    copy = mkdtempSync(join(copyFolders()[0] ?? dirname(directory), COPY))
    if (existsSync(directory)) copyLog(directory, copy)
    const { reservations, damage } = readdirSync(copy).length === 0 ? GONE : await readCopy(copy, witness)
    // A host that died before its log was complete has reserved nothing.
    return { reservations, damage: witness === undefined && reservations.length === 0 ? [] : damage }
  } catch (error) {
    return { reservations: [], damage: [`the log cannot be read: ${rootMessage(error)}`] }
  } finally {
    if (copy !== undefined) rmSync(copy, { recursive: true, force: true })
    await disown(directory, lock)
  }
}

const GONE: LogContents = { reservations: [], damage: ['the log is gone'] }

async function readCopy(copy: string, witness: number | undefined): Promise<LogContents> {
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
  else damage.push(...compare(head, reservations, witness ?? 0))
  return { reservations, damage }
}

function compare(head: Head, reservations: readonly Stored[], witness: number): string[] {
  const damage: string[] = []
  const sum = reservations.reduce((total, { seq }) => (total + seq) % MODULUS, 0)
  if (reservations.length !== head.count)
    damage.push(`${head.count} reservations expected, ${reservations.length} found`)
  else if (sum !== head.sum) damage.push('some reservations are older than they should be')
  if (witness > head.seq) damage.push(`it ends with change ${head.seq}, and ${witness} were made`)
  return damage
}

/** Beside the log, not in it. */
const witnessOf = (directory: string): string => `${directory}.seq`

function readWitness(directory: string): number | undefined {
  try {
    const seq = Number(readRegularFile(witnessOf(directory)))
    return Number.isSafeInteger(seq) ? seq : undefined
  } catch {
    return undefined
  }
}

/**
 * The logs that this process has open, with those of every copy of this package that it may have loaded. LevelDB's own
 * lock is a POSIX one: whoever opens and closes the lock's file once more, if only to fail or to read it, has lost it.
 */
const openDirectories: Set<string> = ((globalThis as Record<symbol, unknown>)[
  Symbol.for('terrarium.process.openLogs')
] ??= new Set<string>()) as Set<string>

async function own(directory: string, patience = 0): Promise<FolderLock> {
  if (openDirectories.has(directory)) {
    throw new TerrariumError('STATE_LOCKED', `The reservation log ${directory} is already open in this process`)
  }
  openDirectories.add(directory)
  try {
    return await lockFolder(directory, patience)
  } catch (error) {
    openDirectories.delete(directory)
    throw error
  }
}

async function disown(directory: string, lock: FolderLock): Promise<void> {
  await lock.release()
  openDirectories.delete(directory)
}

function rootMessage(error: unknown): string {
  let root = error
  while (root instanceof Error && root.cause !== undefined) root = root.cause
  return root instanceof Error ? root.message : String(root)
}
