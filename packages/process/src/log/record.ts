import { crc32 } from './crc.ts'
import type { Containment } from '../shepherd/containment.ts'
import type { Owner } from '../run.ts'

/** One spawn that may have a living process. Deleted only when its death is proven. */
export interface Reservation {
  /** `<counter>-<16 random hex digits>`. */
  readonly spawn: string
  /** For people, and in the logs: `text/worker-1`. */
  readonly name: string
  /** `reserved` has no pid yet, and may have a process all the same: the marker finds it. */
  readonly state: 'reserved' | 'spawned' | 'ready' | 'stopping' | 'unkillable'
  /** What it runs, and a fingerprint of its arguments, which may hold secrets. */
  readonly exe: string
  readonly argvHash: string
  readonly pid?: number
  /** Clock ticks since boot. */
  readonly startTicks?: number
  /** What holds it, and the shepherd that has started it. */
  readonly containment?: Containment
  readonly cgroup?: string
  readonly shepherd?: { readonly pid: number; readonly startTicks: number }
  /** When it was reserved: wall clock, ms, and monotonic, ms since boot. */
  readonly wall: number
  readonly mono: number
}

/** What a record on disk says besides: it can be read without its owner's file. */
export type Stored = Reservation &
  Pick<Owner, 'installation' | 'run' | 'bootId' | 'namespaces' | 'uid' | 'host'> & {
    readonly v: 1
    readonly seq: number
  }

/** Written with each batch: what the log holds when it is whole. */
export interface Head {
  readonly v: 1
  readonly seq: number
  readonly count: number
  /** Of the sequence numbers of all records: a change that was lost leaves an older one behind. */
  readonly sum: number
}

/** A record with its CRC-32 before it. */
export function seal(record: Stored | Head): string {
  const body = JSON.stringify(record)
  return `${crc32(body).toString(16).padStart(8, '0')} ${body}`
}

/** Undefined for anything that was not sealed. */
export function unseal(value: string): unknown {
  const body = value.slice(9)
  if (value.slice(0, 8) !== crc32(body).toString(16).padStart(8, '0')) return undefined
  return JSON.parse(body) as unknown
}
