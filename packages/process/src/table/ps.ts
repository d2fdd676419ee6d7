import { execFileSync } from 'node:child_process'
import { MARKER_VARIABLE, parseMarker, type Identity, type Marker } from './identity.ts'
import type { ProcessTable } from './process-table.ts'

const row = /^\s*(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/
const variable = new RegExp(`(?:^|\\s)${MARKER_VARIABLE}=(\\S+)`)

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
    return process === undefined ? 'gone' : { marker: process.marker }
  },
  scan(keep) {
    const bootId = psTable.bootId()
    const found: Identity[] = []
    for (const { pid, startTicks, marker } of list()) {
      if (marker !== undefined && keep(marker)) found.push({ pid, startTicks, bootId, ...marker })
    }
    return found
  },
  scanRlimitTags: () => [],
}

interface Row {
  readonly pid: number
  readonly startTicks: number
  readonly marker: Marker | undefined
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
    const marker = variable.exec(rest)?.[1]
    rows.push({
      pid: Number(number),
      startTicks: Date.parse(started) / 1000,
      marker: marker === undefined ? undefined : parseMarker(marker),
    })
  }
  return rows
}
