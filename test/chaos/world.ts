// The processes of the namespace in which the chaos runs.
import { readdirSync, readFileSync } from 'node:fs'
import { within } from '../support/waiting.ts'

/**
 * A process of this namespace, read from `/proc`. The namespace has nothing but the chaos and what it has started, so a
 * living process that is not known was left behind.
 */
export interface Being {
  readonly pid: number
  readonly parent: number
  readonly session: number
  /** One letter. */
  readonly state: string
  readonly command: string
}

export function beings(): Being[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => beingOf(Number(entry)) ?? [])
}

/** Undefined if the process is gone, or a zombie: exited, and not reaped yet. */
export function beingOf(pid: number): Being | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state = '', parent = '', , session = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parent: Number(parent), session: Number(session), state, command }
  } catch {
    return undefined
  }
}

export const isAlive = (pid: number): boolean => beingOf(pid) !== undefined

/** The processes that are neither process 1, nor this one, nor known. */
export function strangers(known: ReadonlySet<number>): Being[] {
  return beings().filter(({ pid }) => pid !== 1 && pid !== process.pid && !known.has(pid))
}

/** Polls every 2 ms until the condition holds; fails after `patience` ms and names what it waited for. */
export async function until(what: string, condition: () => boolean, patience = 30_000): Promise<void> {
  if (!(await within(patience, condition))) throw new Error(`not within ${patience} ms: ${what}`)
}

/**
 * Sends SIGKILL, or another signal, to the processes that are alive. No known process id is reused meanwhile, because
 * process 1 reaps late.
 */
export function killAll(pids: Iterable<number>, signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Kills all in one moment, so that none can react to the exit of another. */
export function killTogether(pids: readonly number[]): void {
  killAll(pids, 'SIGSTOP')
  // Parents last: the kernel continues a stopped process whose parent has exited.
  killAll(pids.toReversed())
}
