// The records of a reservation log and their form on disk: a CRC-32 in hexadecimal, a space, and JSON. A record carries
// what proves, later and in another process, which host it belongs to.
import { crc32 } from './crc.ts'
import type { Containment } from '../shepherd/containment.ts'
import type { Owner } from '../run.ts'

/** One spawn that may have a living process. Deleted when the process and its descendants are proven to have exited. */
export interface Reservation {
  /** The spawn id, `<counter>-<16 random hex digits>`. */
  readonly spawn: string
  /** For people and for the logger: `text/worker-1`. */
  readonly name: string
  /** `reserved` has no pid yet and may have a process all the same, which its spawn tag finds. */
  readonly state: 'reserved' | 'spawned' | 'ready' | 'stopping' | 'unkillable'
  /** The command. */
  readonly exe: string
  /** The first 16 hex digits of a SHA-256 of the arguments, which may hold secrets. */
  readonly argvHash: string
  readonly pid?: number
  /** When the process started, in clock ticks since boot. */
  readonly startTicks?: number
  /** The containment level of the process. */
  readonly containment?: Containment
  /** The control group of the run, at level `cgroup`. */
  readonly cgroup?: string
  /** The shepherd that started the process. */
  readonly shepherd?: { readonly pid: number; readonly startTicks: number }
  /** When it was reserved, by the wall clock, in ms since 1970. */
  readonly wall: number
  /** When it was reserved, in ms since boot. */
  readonly mono: number
}

/** A reservation on disk. The owner's fields are in each, so that it can be read without the owner record. */
export type Stored = Reservation &
  Pick<Owner, 'installation' | 'run' | 'bootId' | 'namespaces' | 'uid' | 'host'> & {
    readonly v: 1
    /** The number of the change that wrote the record. */
    readonly seq: number
  }

/** The key of the head record. */
export const HEAD = 'head'

/** Sums of sequence numbers are taken modulo this, where whole numbers are exact. */
export const MODULUS = 2 ** 52

/** Written with each batch: what a whole log holds. */
export interface Head {
  readonly v: 1
  /** The number of the last change. */
  readonly seq: number
  /** How many reservations there are. */
  readonly count: number
  /** The sum of their sequence numbers, modulo {@link MODULUS}. It differs when a change of a record was lost. */
  readonly sum: number
}

/** The form of a record on disk. */
export function seal(record: Stored | Head): string {
  const body = JSON.stringify(record)
  return `${crc32(body).toString(16).padStart(8, '0')} ${body}`
}

/** The record of a sealed text; undefined when the checksum is wrong. */
export function unseal(value: string): unknown {
  const body = value.slice(9)
  if (value.slice(0, 8) !== crc32(body).toString(16).padStart(8, '0')) return undefined
  return JSON.parse(body) as unknown
}
