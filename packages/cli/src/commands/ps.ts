// `terrarium ps`: lists the processes on this machine that carry a spawn tag.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findTagged } from '@terrarium/process'
import { table } from '../terminal/table.ts'

/** Runs `terrarium ps`. Resolves with the exit code. */
// eslint-disable-next-line @typescript-eslint/require-await -- every command returns a promise
export async function ps(argv: readonly string[]): Promise<number> {
  parseArgs({ args: [...argv], options: {} })
  const rows = findTagged()
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, installation, run, spawn }) => [String(pid), installation, run, spawn, commandOf(pid)])
  process.stdout.write(table([['PID', 'INSTALLATION', 'RUN', 'SPAWN', 'COMMAND'], ...rows]))
  return 0
}

function commandOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      : execFileSync('/bin/ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return '(ended)'
  }
}
