import { execFileSync } from 'node:child_process'
import { SPAWN_TAG_VARIABLE, parseSpawnTag, type Identity, type SpawnTag } from './identity.ts'
import type { ProcessTable } from './process-table.ts'

const row = /^\s*(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/
const variable = new RegExp(`(?:^|\\s)${SPAWN_TAG_VARIABLE}=(\\S+)`)

/**
 * The process table of macOS, by way of `ps`. Start times are whole seconds, and the environment of system binaries is
 * hidden.
 */
export const psTable: ProcessTable = {
  check: () => undefined,
  bootId: () => execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'latin1' }).trim(),
  namespaces: () => 'darwin',
  startTicks: (pid) => list(pid)[0]?.startTicks,
  activity: () => undefined, // ps costs more than it would tell
  environment(pid) {
    const process = list(pid)[0]
    return process === undefined ? 'gone' : { tag: process.tag }
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
    // Status 1: no such process. Anything else says nothing about it.
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
