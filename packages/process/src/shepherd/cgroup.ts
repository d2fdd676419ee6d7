// Control groups of a run: noted in its directory while it lives, emptied and removed by the sweep when it is dead.
import { rmdirSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readRegularFile } from '../regular-file.ts'
import type { Owner } from '../run.ts'

const FILE = 'cgroups'
/** How long a control group may take to become empty, in ms. */
const PATIENCE_MS = 2000
/** Time between two attempts to remove it, in ms. */
const TRY_AGAIN_MS = 5
/** The kernel's number for file systems of control groups, version 2. */
const CGROUP2 = 0x63677270

/** Writes the control group (a folder) of a run's processes into the directory of the run. */
export function noteCgroup(runDirectory: string, cgroup: string): void {
  writeFileSync(join(runDirectory, FILE), `${cgroup}\n`, { flag: 'a', mode: 0o600 })
}

/**
 * Makes the kernel kill all processes in the control groups of a dead run, and removes the groups. Only processes that
 * the run has started, and their descendants, are in them: the name of each group holds the run id. Returns the groups
 * that could not be emptied and removed. Throws when the file written by {@link noteCgroup} exists but cannot be read.
 */
export async function clearCgroups(runDirectory: string, owner: Owner): Promise<string[]> {
  const left: string[] = []
  for (const cgroup of notedCgroups(runDirectory)) {
    if (!basename(cgroup).startsWith(`terrarium-${owner.installation}-${owner.run}-`) || !isControlGroup(cgroup))
      continue
    if (!(await clear(cgroup))) left.push(cgroup)
  }
  return left
}

function notedCgroups(runDirectory: string): string[] {
  try {
    return readRegularFile(join(runDirectory, FILE)).split('\n').filter(Boolean)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // the run had no control group
    throw error
  }
}

/** Whether the path is a control group, and not an ordinary folder of that name. */
function isControlGroup(path: string): boolean {
  try {
    return statfsSync(path).type === CGROUP2
  } catch {
    return false
  }
}

async function clear(cgroup: string): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS
  do {
    try {
      writeFileSync(join(cgroup, 'cgroup.kill'), '1')
      rmdirSync(cgroup)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return true
      if (code !== 'EBUSY') return false
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
  } while (performance.now() < end)
  return false
}
