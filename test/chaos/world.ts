import { readdirSync, readFileSync } from 'node:fs'
import { within } from '../support/waiting.ts'

/**
 * The processes of this namespace, as the system tells of them. There is nothing in it but the chaos and what it has
 * started, so whoever is neither known nor dead has been left behind by somebody.
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

/** Undefined when it is gone, or a zombie: dead, and not buried yet. */
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

/** Whoever is neither process 1, nor this one, nor known. */
export function strangers(known: ReadonlySet<number>): Being[] {
  return beings().filter(({ pid }) => pid !== 1 && pid !== process.pid && !known.has(pid))
}

/** Polls every 2 ms until the condition holds; fails after `patience` ms and names what it waited for. */
export async function until(what: string, condition: () => boolean, patience = 30_000): Promise<void> {
  if (!(await within(patience, condition))) throw new Error(`not within ${patience} ms: ${what}`)
}

/**
 * SIGKILLs those that are alive; nobody's number is reused while it is known here, for process 1 buries in its own
 * time.
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

/** In one moment: none of them gets to do anything about the end of another. */
export function killTogether(pids: readonly number[]): void {
  killAll(pids, 'SIGSTOP')
  // Parents last: with its parent gone, the kernel lets a stopped process go on.
  killAll(pids.toReversed())
}
