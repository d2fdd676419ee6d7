// The process table of macOS, from `ps`.
import { execFileSync } from 'node:child_process'
import { SPAWN_TAG_VARIABLE, parseSpawnTag, type Identity, type SpawnTag } from './identity.ts'
import type { ProcessTable } from './process-table.ts'

const row = /^\s*(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/
const variable = new RegExp(`(?:^|\\s)${SPAWN_TAG_VARIABLE}=(\\S+)`)

/**
 * The process table of macOS. Start times are whole seconds, and the environment of system binaries is hidden. There
 * are no rlimit tags, and no activity: a call of `ps` takes more time than the answer is worth.
 */
export const psTable: ProcessTable = {
  check: () => undefined,
  bootId: () => execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'latin1' }).trim(),
  namespaces: () => 'darwin',
  startTicks: (pid) => list(pid)[0]?.startTicks,
  activity: () => undefined,
  environment(pid) {
    const process = list(pid)[0]
    return process === undefined ? 'exited' : { tag: process.tag }
  },
  scan(keep) {
    const bootId = psTable.bootId()
    const found: Identity[] = []
    for (const { pid, startTicks, tag } of list()) {
      if (tag !== undefined && keep(tag)) found.push({ pid, startTicks, bootId, ...tag })
    }
    return found
  },
  scanRlimitTags: () => [],
}

interface Row {
  readonly pid: number
  readonly startTicks: number
  readonly tag: SpawnTag | undefined
}

/** The rows of `ps`, of one process or of all. Zombies are left out. */
function list(pid?: number): Row[] {
  const which = pid === undefined ? ['-ax'] : ['-p', String(pid)]
  let text: string
  try {
    text = execFileSync('/bin/ps', [...which, '-ww', '-E', '-o', 'pid=,state=,lstart=,command='], {
      encoding: 'latin1',
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 1 << 28,
    })
  } catch (error) {
    // Exit status 1: no such process. Any other failure says nothing about the process.
    if ((error as { status?: unknown }).status === 1) return []
    throw error
  }
  const rows: Row[] = []
  for (const line of text.split('\n')) {
    const [, number, state, started, rest] = row.exec(line) ?? []
    if (number === undefined || started === undefined || rest === undefined || state?.startsWith('Z')) continue
    const tag = variable.exec(rest)?.[1]
    rows.push({
      pid: Number(number),
      startTicks: Date.parse(started) / 1000,
      tag: tag === undefined ? undefined : parseSpawnTag(tag),
    })
  }
  return rows
}
