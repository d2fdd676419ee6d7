// The interface between Terrarium and an operating system's list of processes: `procfs.ts` for Linux, `ps.ts` for
// macOS.
import type { Identity, SpawnTag } from './identity.ts'

/** What a process and its descendants have done so far. */
export interface Activity {
  /** Time on a processor, in ms, of the process and its descendants. */
  readonly cpu: number
  /** Whether one of these runs now, or waits for a processor. */
  readonly isRunning: boolean
  /** How long the process itself has waited for a processor, in ms; 0 where the kernel does not count it. */
  readonly waited: number
}

/** What an operating system shows of its processes. All methods are synchronous. */
export interface ProcessTable {
  /** Throws CONFIGURATION where the system shows no processes, or those of another PID namespace. */
  check(): void
  /** An id of the current boot. */
  bootId(): string
  /** The PID namespace and the time namespace of this host. Pids and start ticks are comparable within one of each. */
  namespaces(): string
  /** When a process started. Undefined when it has exited, zombies included. Throws when it cannot be read. */
  startTicks(pid: number): number | undefined
  /** Undefined when the process has exited, or where the system does not show it. Never throws. */
  activity(pid: number): Activity | undefined
  /**
   * The spawn tag in the environment of a process; undefined when there is none. `empty` proves nothing: the
   * environment is empty for a moment during exec().
   */
  environment(pid: number): 'exited' | 'unreadable' | 'empty' | { tag: SpawnTag | undefined }
  /** Every process with a spawn tag for which `keep` returns true. */
  scan(keep: (tag: SpawnTag) => boolean): Identity[]
  /** Every process with the rlimit tag of one of these spawns, whatever its environment holds. None on macOS. */
  scanRlimitTags(spawns: readonly SpawnTag[]): Identity[]
}
