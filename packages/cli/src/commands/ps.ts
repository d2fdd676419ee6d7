// `terrarium ps`: lists the workers of all programs of this user, and the processes of programs that are not observed.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { takePictures, type ActorView, type SocketPicture } from '@terrarium/observe/client'
import { findTagged } from '@terrarium/process/system'
import { lastFailures, programOf } from '../programs.ts'
import { writeJson, writeRows } from '../terminal/output.ts'
import { table } from '../terminal/table.ts'
import { duration, mebibytes } from '../terminal/units.ts'

export interface PsOptions {
  readonly json?: boolean
  readonly wide?: boolean
  readonly processes?: boolean
}

interface TaggedProcess {
  readonly pid: number
  readonly installation: string
  readonly run: string
  readonly spawn: string
  readonly command: string
}

/** Runs `terrarium ps`. Resolves with the exit code. */
export async function ps({ json = false, wide = false, processes = false }: PsOptions): Promise<number> {
  if (processes) return listProcesses(json)
  const pictures = await takePictures()
  const unobserved = unobservedProcesses(pictures)
  if (json) {
    const workers = pictures.flatMap((picture) =>
      workersOf(picture).map((actor) => ({ program: programOf(picture), ...actor })),
    )
    writeJson({ workers, unobserved })
    return 0
  }
  writeRows(
    [
      ['HOST', 'POOL', 'WORKER', 'STATE', 'INCARNATION', 'PID', 'UP', 'RSS', 'CALLS', 'RESTARTS', 'LAST'],
      ...pictures.flatMap(rowsOf),
      ...unobserved.map(({ pid, spawn, command }) => [
        ...['-', '-', spawn, 'unobserved', '-', String(pid), '-', '-', '-', '-', command],
      ]),
    ],
    wide,
  )
  return 0
}

const workersOf = ({ snap }: SocketPicture): readonly ActorView[] => snap.actors.filter(({ kind }) => kind === 'worker')

function rowsOf(picture: SocketPicture): readonly (readonly string[])[] {
  const { pid: host, now } = picture.hello
  const failures = lastFailures(picture)
  return workersOf(picture).map(({ id, parent = '-', name, value, incarnation = 0, pid, up, rss, calls, error }) => [
    ...[String(host), parent, name, value, String(incarnation), pid === undefined ? '-' : String(pid)],
    up === undefined ? '-' : duration(now - up),
    rss === undefined ? '-' : mebibytes(rss),
    calls === undefined ? '-' : String(calls),
    String(Math.max(0, incarnation - 1)),
    error ?? failures.get(id) ?? '-',
  ])
}

/**
 * Processes with a spawn tag of runs that no observed program shows. An observed program shows the runs of its workers;
 * their helpers belong to them.
 */
function unobservedProcesses(pictures: readonly SocketPicture[]): readonly TaggedProcess[] {
  const shown = new Set(pictures.flatMap(({ snap }) => snap.actors.map(({ pid }) => pid)))
  const hosts = new Set(pictures.map(({ hello }) => hello.pid))
  const tagged = taggedProcesses()
  const runs = new Set(tagged.filter(({ pid }) => shown.has(pid)).map(({ run }) => run))
  return tagged.filter(
    ({ pid, run, command }) => !runs.has(run) && !hosts.has(parentOf(pid)) && !command.includes('terrarium_shepherd'),
  )
}

function listProcesses(isJson: boolean): number {
  const found = taggedProcesses()
  if (isJson) {
    writeJson({ processes: found })
    return 0
  }
  const rows = found.map(({ pid, installation, run, spawn, command }) => [
    ...[String(pid), installation, run, spawn, command],
  ])
  process.stdout.write(table([['PID', 'INSTALLATION', 'RUN', 'SPAWN', 'COMMAND'], ...rows]))
  return 0
}

const taggedProcesses = (): readonly TaggedProcess[] =>
  findTagged()
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, installation, run, spawn }) => ({ pid, installation, run, spawn, command: commandOf(pid) }))

function commandOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      : execFileSync('/bin/ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return '(ended)'
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
  } catch {
    return 0 // it has exited, or this system has no /proc
  }
}
