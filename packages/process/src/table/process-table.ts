import type { Identity, SpawnTag } from './identity.ts'

export interface Activity {
  /** Time on a processor so far, in ms. */
  readonly cpu: number
  /** Whether one of them runs, or waits for a processor. */
  readonly isRunning: boolean
  /** How long the process itself has waited for a processor so far, in ms; 0 where the kernel does not tell. */
  readonly waited: number
}

/** What one operating system tells about its processes. */
export interface ProcessTable {
  /**
   * Throws CONFIGURATION where the system does not tell of its processes, or tells of others than those that we see.
   */
  check(): void
  /** Differs after every boot. */
  bootId(): string
  /** Which set of process numbers, and which clock, we see. */
  namespaces(): string
  /** Undefined when the process is gone or a zombie. Throws when it exists and cannot be read. */
  startTicks(pid: number): number | undefined
  /**
   * What a process and its descendants do; undefined when it is gone, or where the system does not tell. Never throws.
   */
  activity(pid: number): Activity | undefined
  /** `empty` also while a process is between two programs: it proves nothing. */
  environment(pid: number): 'gone' | 'unreadable' | 'empty' | { tag: SpawnTag | undefined }
  /** Every process whose spawn tag is kept. */
  scan(keep: (tag: SpawnTag) => boolean): Identity[]
  /**
   * Every process that carries the mark of one of these spawns, whatever its environment says. None where there are no
   * marks.
   */
  scanRlimitTags(spawns: readonly SpawnTag[]): Identity[]
}
