// The reservation log of a run, kept in LevelDB. A spawn is on disk before its process exists and until the process is
// proven to have exited, so that the next run finds what a killed host has left.
import { closeSync, readdirSync, realpathSync } from 'node:fs'
import type { Level } from 'level'
import { loadLevel } from './load-level.ts'
import { lockLog, type LogLock } from './log-lock.ts'
import { HEAD, MODULUS, seal, type Head, type Reservation, type Stored } from './record.ts'
import { openSequenceFile, writeSequence } from './sequence-file.ts'
import type { Owner } from '../run.ts'

interface Change {
  readonly spawn: string
  readonly reservation: Reservation | undefined
  readonly isNew: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** How the keys of reservations begin. */
const PREFIX = 'spawn/'
/** LevelDB's files without which it does not open. */
const FILES = [/^CURRENT$/, /^MANIFEST-\d+$/, /^\d+\.log$/]
/** How long a change made by `note()` waits to be written along with others, in ms; then it is written anyway. */
const NOTE_MS = 50

/**
 * The reservation log of one run. Only the run that owns a log opens it; others read a copy, see `readLog`.
 *
 * Changes that wait together are written in one batch, which is synced when it reserves anything: a hundred
 * reservations cost one disk sync. Every record carries a sequence number and a CRC. The head record holds the number
 * of records and the sum of their sequence numbers, and the sequence file holds the number of the last change.
 */
export class ReservationLog {
  readonly #directory: string
  readonly #lock: LogLock
  readonly #owner: Owner
  readonly #remakeFolder: () => void
  /** The descriptor of the sequence file. */
  #sequenceFile: number
  readonly #records = new Map<string, Stored>()
  #level: Level
  #seq = 0
  #sum = 0
  #waiting: Change[] = []
  #writing: Promise<void> | undefined
  #soon: NodeJS.Timeout | undefined
  /** Whether the disk may differ from #records, since a write failed. */
  #isDoubtful = false

  private constructor(level: Level, directory: string, owner: Owner, lock: LogLock, remakeFolder: () => void) {
    this.#level = level
    this.#directory = directory
    this.#owner = owner
    this.#lock = lock
    this.#remakeFolder = remakeFolder
    this.#sequenceFile = openSequenceFile(directory, 'wx')
  }

  /**
   * Makes a new log in an existing, empty folder. `remakeFolder` is called when the folder or a file in it was removed,
   * and makes the folder again, empty. Errors: STATE_LOCKED, CONFIGURATION, and those of the file system.
   */
  static async create(folder: string, owner: Owner, remakeFolder: () => void): Promise<ReservationLog> {
    const directory = realpathSync(folder)
    const lock = await lockLog(directory)
    let level: Level | undefined
    try {
      const { Level } = await loadLevel()
      level = new Level<string, string>(directory, { createIfMissing: true, errorIfExists: true })
      await level.open()
      await level.put(HEAD, seal({ v: 1, seq: 0, count: 0, sum: 0 }), { sync: true })
      const log = new ReservationLog(level, directory, owner, lock, remakeFolder)
      log.#writeSequence()
      return log
    } catch (error) {
      await level?.close().catch(() => undefined)
      await lock.release()
      throw error
    }
  }

  /** Resolves when the reservation is on disk. */
  reserve(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, true)
  }

  /** Replaces a reservation. Resolves when it is written; not synced, since only details are lost with it. */
  update(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, false)
  }

  /**
   * Replaces a reservation as {@link update} does, but with the next batch or after 50 ms. The notes of a hundred
   * processes that start together cost a few writes.
   */
  note(reservation: Reservation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn: reservation.spawn, reservation, isNew: false, resolve, reject })
      this.#soon ??= setTimeout(() => {
        this.#writing ??= this.#write()
      }, NOTE_MS).unref()
    })
  }

  /** Deletes a reservation. Resolves when that is written; not synced, since a reservation too many is harmless. */
  release(spawn: string): Promise<void> {
    return this.#change(spawn, undefined, false)
  }

  /** Writes the changes that wait, then closes the log and releases its lock. */
  async close(): Promise<void> {
    await (this.#writing ??= this.#write())
    await this.#level.close()
    closeSync(this.#sequenceFile)
    await this.#lock.release()
  }

  #change(spawn: string, reservation: Reservation | undefined, isNew: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn, reservation, isNew, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async #write(): Promise<void> {
    // The first batch takes all reservations of this turn of the event loop.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      clearTimeout(this.#soon)
      this.#soon = undefined
      const changes = this.#waiting
      this.#waiting = []
      const records = changes.map(({ spawn, reservation }) => [spawn, this.#set(spawn, reservation)] as const)
      const isReserving = changes.some(({ isNew }) => isNew)
      try {
        // LevelDB goes on writing to a file that was removed, and a reservation in it would be lost.
        if (isReserving && !this.#isInPlace()) await this.#remake()
        else if (this.#isDoubtful) await this.#writeAll()
        else await this.#commit(records, isReserving)
        for (const change of changes) change.resolve()
      } catch (error) {
        this.#isDoubtful = true
        for (const change of changes) {
          // The failed reservations are rejected. Updates stay in #records and are written with the next batch.
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
    this.#writeSequence()
  }

  /** Sets or removes the record of a spawn, and keeps `#sum`, the sum of the sequence numbers of all records. */
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

  /** Opens LevelDB again and writes all records: after a failed write it accepts no other. */
  async #writeAll(): Promise<void> {
    await this.#level.close()
    await this.#open({ createIfMissing: false })
  }

  /** Writes all records to a new log, since the folder or a file in it was removed. */
  async #remake(): Promise<void> {
    this.#isDoubtful = true
    await this.#level.close().catch(() => undefined)
    this.#remakeFolder()
    const sequenceFile = openSequenceFile(this.#directory, 'w')
    closeSync(this.#sequenceFile)
    this.#sequenceFile = sequenceFile
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
    this.#writeSequence()
    this.#isDoubtful = false
  }

  /** Whether the files exist without which LevelDB does not open. */
  #isInPlace(): boolean {
    try {
      const names = readdirSync(this.#directory)
      return FILES.every((pattern) => names.some((name) => pattern.test(name)))
    } catch (error) {
      // Any other failure, such as too few descriptors, says nothing about the folder.
      return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    }
  }

  #writeSequence(): void {
    writeSequence(this.#sequenceFile, this.#seq)
  }
}
