import { realpathSync } from 'node:fs'
import { Level } from 'level'
import { TerrariumError } from '@terrarium/supervisor'
import { crc32 } from './crc.ts'

/** One spawn that may have a living process. Deleted only when its death is proven. */
export interface Reservation {
  readonly spawn: string
  readonly name: string
  /** `reserved` has no pid yet, and may have a process all the same: the marker finds it. */
  readonly state: 'reserved' | 'active' | 'unkillable'
  readonly pid?: number
  readonly startTicks?: number
  /** Wall clock, ms. */
  readonly at: number
}

interface Stored extends Reservation {
  readonly seq: number
}

interface Head {
  readonly seq: number
  readonly count: number
}

/** What a log says, and what is wrong with it. A damaged log is never repaired: the scan for markers needs no log. */
export interface LogContents {
  readonly reservations: readonly Reservation[]
  readonly damage: readonly string[]
}

interface Change {
  readonly spawn: string
  readonly reservation: Reservation | undefined
  readonly sync: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const HEAD = 'head'
const PREFIX = 'spawn/'

/**
 * The reservation log of one run. Changes that wait together are written in one batch, synced when one of them asks for it, so
 * that a hundred reservations cost one disk sync. Every record carries a sequence number and a CRC; the head counts them.
 */
export class ReservationLog {
  readonly #level: Level
  readonly #path: string
  readonly #live = new Set<string>()
  #seq = 0
  #waiting: Change[] = []
  #writing: Promise<void> | undefined

  private constructor(level: Level, path: string) {
    this.#level = level
    this.#path = path
  }

  /** Makes a new log in an existing, empty folder. Errors: STATE_LOCKED, INVALID_ARGUMENT (from the file system). */
  static async create(directory: string): Promise<ReservationLog> {
    const { level, path } = await openLevel(directory, true)
    const log = new ReservationLog(level, path)
    await level.put(HEAD, seal({ seq: 0, count: 0 }), { sync: true })
    return log
  }

  /** Resolves when the reservation is on disk. */
  reserve(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, true)
  }

  /** Replaces what is known about a reservation. Not synced: losing it loses no more than detail. */
  update(reservation: Reservation): Promise<void> {
    return this.#change(reservation.spawn, reservation, false)
  }

  /** Deletes a reservation. Not synced: a reservation too many is harmless. */
  release(spawn: string): Promise<void> {
    return this.#change(spawn, undefined, false)
  }

  /** Writes what waits, then closes. */
  async close(): Promise<void> {
    await this.#writing
    await this.#level.close()
    openPaths.delete(this.#path)
  }

  #change(spawn: string, reservation: Reservation | undefined, sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ spawn, reservation, sync, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async #write(): Promise<void> {
    // Reservations made in the same turn of the event loop share the first batch too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const changes = this.#waiting
      this.#waiting = []
      const batch = this.#level.batch()
      for (const { spawn, reservation } of changes) {
        this.#seq++
        if (reservation === undefined) {
          this.#live.delete(spawn)
          batch.del(PREFIX + spawn)
        } else {
          this.#live.add(spawn)
          batch.put(PREFIX + spawn, seal({ ...reservation, seq: this.#seq }))
        }
      }
      batch.put(HEAD, seal({ seq: this.#seq, count: this.#live.size }))
      try {
        await batch.write({ sync: changes.some((change) => change.sync) })
        for (const change of changes) change.resolve()
      } catch (error) {
        for (const change of changes) change.reject(error)
      }
    }
    this.#writing = undefined
  }
}

/** Reads the log of a dead run. Never throws for damage; throws STATE_LOCKED while somebody else has it open. */
export async function readLog(directory: string): Promise<LogContents> {
  const reservations: Stored[] = []
  const damage: string[] = []
  let opened: Awaited<ReturnType<typeof openLevel>>
  try {
    opened = await openLevel(directory, false)
  } catch (error) {
    if (error instanceof TerrariumError && error.code === 'STATE_LOCKED') throw error
    return { reservations, damage: [`the log does not open: ${rootMessage(error)}`] }
  }
  let head: Head | undefined
  try {
    for await (const [key, value] of opened.level.iterator()) {
      const record = unseal(value)
      if (record === undefined) damage.push(`record ${key} has a wrong checksum`)
      else if (key === HEAD) head = record as Head
      else reservations.push(record as Stored)
    }
  } catch (error) {
    damage.push(`the log does not read: ${rootMessage(error)}`)
  } finally {
    await opened.level.close()
    openPaths.delete(opened.path)
  }
  if (head === undefined) {
    damage.push('the head record is missing')
  } else {
    const { seq, count } = head
    if (reservations.length !== count) damage.push(`${count} reservations expected, ${reservations.length} found`)
    for (const record of reservations) {
      if (record.seq > seq) damage.push(`record ${record.spawn} is newer than the head`)
    }
  }
  return { reservations, damage }
}

/**
 * The logs open in this process. LevelDB's lock is a POSIX one: a second open of the same folder fails, and drops the first one's
 * lock on its way out. Shared by every copy of this package that the process may have loaded.
 */
const openPaths: Set<string> = ((globalThis as Record<symbol, unknown>)[Symbol.for('terrarium.process.openLogs')] ??=
  new Set<string>()) as Set<string>

async function openLevel(directory: string, create: boolean): Promise<{ level: Level; path: string }> {
  const path = realpathSync(directory)
  if (openPaths.has(path)) {
    throw new TerrariumError('STATE_LOCKED', `The reservation log ${path} is already open in this process`)
  }
  openPaths.add(path)
  const level = new Level(path, { createIfMissing: create, errorIfExists: create })
  try {
    await level.open()
    return { level, path }
  } catch (error) {
    openPaths.delete(path)
    if ((error as { cause?: { code?: unknown } }).cause?.code === 'LEVEL_LOCKED') {
      throw new TerrariumError('STATE_LOCKED', `The reservation log ${path} is in use by another process`, {
        cause: error,
      })
    }
    throw error
  }
}

function seal(record: object): string {
  const body = JSON.stringify(record)
  return `${crc32(body).toString(16).padStart(8, '0')} ${body}`
}

function unseal(value: string): unknown {
  const body = value.slice(9)
  if (value.slice(0, 8) !== crc32(body).toString(16).padStart(8, '0')) return undefined
  return JSON.parse(body) as unknown
}

function rootMessage(error: unknown): string {
  let root = error
  while (root instanceof Error && root.cause !== undefined) root = root.cause
  return root instanceof Error ? root.message : String(root)
}
