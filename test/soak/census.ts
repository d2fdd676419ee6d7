// What a soak may leave behind, counted by looking at the system and at this process.
import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { findTagged } from '@terrarium/process'

/** Counts of what has to be gone at the end. */
export interface Census {
  readonly processes: number
  readonly sharedMemory: number
  readonly descriptors: number
  readonly timers: number
  readonly listeners: number
  readonly controlGroups: number
  readonly runtimeFolders: number
  /** In the state directories. */
  readonly runs: number
}

/**
 * What belongs to these state directories, and what this process has open. `folders`: the runtime folders that their
 * runs have had, see {@link runtimeFolders}.
 */
export function takeCensus(stateDirs: readonly string[], folders: Iterable<string>): Census {
  const installations = stateDirs.flatMap(installationOf)
  return {
    processes: installations.flatMap((installation) => findTagged({ installation })).length,
    sharedMemory: namesIn('/dev/shm').length,
    descriptors: namesIn('/proc/self/fd').length,
    timers: process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    controlGroups: installations.flatMap((installation) => groupsOf('/sys/fs/cgroup', `terrarium-${installation}-`))
      .length,
    runtimeFolders: [...folders].filter((folder) => existsSync(folder)).length,
    runs: stateDirs.flatMap((stateDir) => namesIn(join(stateDir, 'runs'))).length,
  }
}

/** What there is more of than there was, by name. */
export function grown(before: Census, after: Census): string[] {
  return (Object.keys(before) as (keyof Census)[])
    .filter((name) => after[name] > before[name])
    .map((name) => `${name}: ${before[name]} before, ${after[name]} after`)
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

function installationOf(stateDir: string): string[] {
  const file = join(stateDir, 'installation.json')
  if (!existsSync(file)) return []
  return [(JSON.parse(readFileSync(file, 'utf8')) as { installation: string }).installation]
}

/** Control groups whose name begins so, at any depth. */
function groupsOf(folder: string, prefix: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return []
    const path = join(folder, entry.name)
    return [...(entry.name.startsWith(prefix) ? [path] : []), ...groupsOf(path, prefix)]
  })
}

/** The runtime folders of the runs that a state directory has now. */
export function runtimeFolders(stateDir: string): string[] {
  const runs = join(stateDir, 'runs')
  return namesIn(runs).flatMap((run) => {
    const file = join(runs, run, 'owner.json')
    if (!existsSync(file)) return []
    return [(JSON.parse(readFileSync(file, 'utf8')) as { runtimeDirectory: string }).runtimeDirectory]
  })
}
