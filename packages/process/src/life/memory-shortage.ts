import type { MemoryShortage } from './os-process.ts'

/** What the kernel did for want of memory, in words: to follow how a process died, and what to do. */
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
