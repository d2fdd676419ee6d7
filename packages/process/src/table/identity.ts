// The identity of a process, and the spawn tag that is the part of it which a process carries itself.
/**
 * Which process it is. No single field is enough: pids and start ticks are reused, and a run id appears in the command
 * lines of other processes.
 */
export interface Identity {
  readonly pid: number
  /** When it started. Linux: clock ticks since boot (field 22 of /proc/PID/stat); macOS: seconds since 1970. */
  readonly startTicks: number
  readonly bootId: string
  readonly installation: string
  readonly run: string
  /** The spawn id, `<counter>-<16 random hex digits>`: new for each start, also of the same worker. */
  readonly spawn: string
}

/** What the environment of every process of Terrarium holds: `<installation>:<run>:<spawn>`. */
export type SpawnTag = Pick<Identity, 'installation' | 'run' | 'spawn'>

/** The environment variable that holds a {@link SpawnTag}. */
export const SPAWN_TAG_VARIABLE = 'TERRARIUM_SPAWN'

/** The environment variable that holds the pid of the host. */
export const HOST_VARIABLE = 'TERRARIUM_HOST_PID'

/** A placeholder in `args`, at most once, that is replaced with `--terrarium-run RUN --terrarium-spawn SPAWN`. */
export const SPAWN_ARGUMENTS = '--terrarium-spawn-arguments'

const pattern = /^([a-z0-9]{1,32}):([a-z0-9]{7}):(\d+-[0-9a-f]{16})$/

/** A spawn tag as the environment holds it. */
export function formatSpawnTag(tag: SpawnTag): string {
  return `${tag.installation}:${tag.run}:${tag.spawn}`
}

/** The spawn tag that a text is; undefined for any other text. */
export function parseSpawnTag(text: string): SpawnTag | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, installation, run, spawn] = match
  if (installation === undefined || run === undefined || spawn === undefined) return undefined
  return { installation, run, spawn }
}

/** Whether both are the same process: pid, start ticks, boot and spawn tag are equal. */
export function sameProcess(a: Identity, b: Identity): boolean {
  return (
    a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId && formatSpawnTag(a) === formatSpawnTag(b)
  )
}
