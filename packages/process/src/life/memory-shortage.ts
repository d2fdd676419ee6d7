// The words for a process that was killed because memory ran out.
import type { MemoryShortage } from './os-process.ts'

/**
 * What the kernel's OOM killer did, in words. `what` is written after how a process exited, in the message of an error;
 * `hint` is the hint of that error.
 */
export function describeShortage({ kills, cgroup, limit }: MemoryShortage): {
  readonly what: string
  readonly hint: string
} {
  const killed = `the kernel killed ${kills} ${kills === 1 ? 'process' : 'processes'}`
  if (cgroup === null) {
    return {
      what: `memory was short: ${killed} of this machine for want of memory while it ran`,
      hint: 'Give the machine more memory, or let its programs use less.',
    }
  }
  const size = limit === null ? '' : ` (limit ${Math.round(limit / 2 ** 20)} MiB)`
  return {
    what: `memory was short: ${killed} of the control group ${cgroup}${size} for want of memory while it ran`,
    hint: 'Raise the memory limit of the container or service, or start fewer workers, or let each use less.',
  }
}
