// The process table of the system that this host runs on, and the questions that the rest of the package asks it.
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Identity } from './identity.ts'
import type { ProcessTable } from './process-table.ts'
import { procfs } from './procfs.ts'
import { psTable } from './ps.ts'

/**
 * The process table of a platform. Errors: CONFIGURATION for a platform on which Terrarium cannot contain processes.
 */
export function processTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  switch (platform) {
    case 'linux':
      return procfs
    case 'darwin':
      return psTable
    default:
      throw new TerrariumError('CONFIGURATION', `Terrarium cannot keep processes contained on ${platform}`, {
        hint: 'Run it on Linux or macOS; on Windows, inside WSL 2.',
      })
  }
}

/** An id of the current boot. Errors: CONFIGURATION. */
export function bootId(): string {
  return processTable().bootId()
}

/** The identity of a process; undefined when it has exited, cannot be read, or has no spawn tag. */
export function readIdentity(pid: number): Identity | undefined {
  const table = processTable()
  const before = startTicksOf(pid)
  const found = table.environment(pid)
  if (before === undefined || typeof found !== 'object' || found.tag === undefined) return undefined
  if (startTicksOf(pid) !== before) return undefined
  return { pid, startTicks: before, bootId: table.bootId(), ...found.tag }
}

/**
 * Every live process that carries a spawn tag, optionally of one installation or run. Scans the system, synchronously.
 */
export function findTagged(filter: { installation?: string; run?: string } = {}): Identity[] {
  return processTable().scan(
    (tag) =>
      (filter.installation === undefined || tag.installation === filter.installation) &&
      (filter.run === undefined || tag.run === filter.run),
  )
}

/** When a process started, in ticks; undefined when it has exited or cannot be read. */
export function startTicksOf(pid: number): number | undefined {
  try {
    return processTable().startTicks(pid)
  } catch {
    return undefined
  }
}
