/**
 * Which process this is. No single field is an identity: pids and start ticks are reused, a run id appears in other
 * command lines.
 */
export interface Identity {
  readonly pid: number
  /** When it started, in clock ticks since boot (Linux: field 22 of /proc/PID/stat; macOS: seconds since the epoch). */
  readonly startTicks: number
  readonly bootId: string
  readonly installation: string
  readonly run: string
  /**
   * `<counter>-<16 hex digits>`; the digits are random, so a restarted worker never shares them with its predecessor.
   */
  readonly spawn: string
}

/** What every process of ours carries in its environment: `<installation>:<run>:<spawn>`. */
export type SpawnTag = Pick<Identity, 'installation' | 'run' | 'spawn'>

/** The environment variable that holds a {@link SpawnTag}. */
export const SPAWN_TAG_VARIABLE = 'TERRARIUM_SPAWN'

/** The environment variable that holds the pid of the host. */
export const HOST_VARIABLE = 'TERRARIUM_HOST_PID'

/** Put this into `args` where the pair `--terrarium-run R --terrarium-spawn S` belongs, at most once. */
export const SPAWN_ARGUMENTS = '--terrarium-spawn-arguments'

const pattern = /^([a-z0-9]{1,32}):([a-z0-9]{7}):(\d+-[0-9a-f]{16})$/

export function formatSpawnTag(tag: SpawnTag): string {
  return `${tag.installation}:${tag.run}:${tag.spawn}`
}

/** Undefined for anything that is not exactly a spawn tag. */
export function parseSpawnTag(text: string): SpawnTag | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, installation, run, spawn] = match
  if (installation === undefined || run === undefined || spawn === undefined) return undefined
  return { installation, run, spawn }
}

/** The same process: start ticks and spawn tag as well as the pid. */
export function sameProcess(a: Identity, b: Identity): boolean {
  return (
    a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId && formatSpawnTag(a) === formatSpawnTag(b)
  )
}
