import { rmdirSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readRegularFile } from '../regular-file.ts'
import type { Owner } from '../run.ts'

const FILE = 'cgroups'
const PATIENCE_MS = 2000
const LOOK_AGAIN_MS = 5
/** The kernel's number for file systems of control groups, version 2. */
const CGROUP2 = 0x63677270

/** Notes in the directory of a run that its processes are in this control group (a folder). */
export function noteCgroup(runDirectory: string, cgroup: string): void {
  writeFileSync(join(runDirectory, FILE), `${cgroup}\n`, { flag: 'a', mode: 0o600 })
}

/**
 * Has the kernel kill whatever is in the control groups of a dead run, and removes them. Nobody else's process is in
 * there: they are known by the run's name, and a process gets in by being started there only. Answers the ones that
 * could not be emptied. Throws when the note cannot be read.
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
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // it had none
    throw error
  }
}

/** Whether it is there, and no folder that merely has the name of one. */
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
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  } while (performance.now() < end)
  return false
}
