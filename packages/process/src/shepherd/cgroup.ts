import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Owner } from '../run.ts'

const FILE = 'cgroups'
const PATIENCE_MS = 2000
const LOOK_AGAIN_MS = 5

/** Notes in the directory of a run that its processes are in this control group (a folder). */
export function noteCgroup(runDirectory: string, cgroup: string): void {
  writeFileSync(join(runDirectory, FILE), `${cgroup}\n`, { flag: 'a', mode: 0o600 })
}

/**
 * Has the kernel kill whatever is in the control groups of a dead run, and removes them. Nobody else's process is in there: they
 * are known by the run's name, and a process gets in by being started there only. Answers the ones that could not be emptied.
 */
export async function clearCgroups(runDirectory: string, owner: Owner): Promise<string[]> {
  const left: string[] = []
  for (const cgroup of notedCgroups(runDirectory)) {
    if (!basename(cgroup).startsWith(`terrarium-${owner.installation}-${owner.run}-`) || !existsSync(cgroup)) continue
    if (!(await clear(cgroup))) left.push(cgroup)
  }
  return left
}

function notedCgroups(runDirectory: string): string[] {
  try {
    return readFileSync(join(runDirectory, FILE), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // it had none
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
