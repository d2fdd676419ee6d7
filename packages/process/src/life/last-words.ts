// Finds the line of standard error that tells most of why a process exited.
import type { SignalName } from './os-process.ts'

/** How a process exited, see `ExitStatus`. */
interface End {
  readonly code: number | null
  readonly signal: SignalName | null
  /** The last 4 KiB, at most, of standard error. */
  readonly tail: string
}

/** What native code writes before it ends its process. The most telling pattern comes first. */
const OF_A_CRASH: readonly RegExp[] = [
  /^terminate called /,
  /: Assertion .* failed\.?$/,
  /^(?:double free|free\(\)|malloc|realloc|munmap_chunk|corrupted|\*\*\* stack smashing)/,
  /\b(?:MemoryError|std::bad_alloc|[Oo]ut of memory)\b/,
  /^Fatal Python error: /,
]

/** Lines by which the interpreter or the bootstrap says why it exits. */
const OF_AN_EXIT: readonly RegExp[] = [
  /^Fatal Python error: /,
  /^terrarium: /,
  /(?:error while loading shared libraries|symbol lookup error): /,
]

const TRACEBACK = /Traceback \(most recent call last\):$/

/**
 * The line that tells most of why a process exited, among its last lines of standard error. For a process that a signal
 * ended, only lines about a crash count: any other line may be about something else.
 */
export function tellingLine({ code, signal, tail }: End): string | undefined {
  const lines = tail.split('\n').map((line) => line.trimEnd())
  for (const pattern of signal === null ? OF_AN_EXIT : OF_A_CRASH) {
    const at = lines.findLastIndex((line) => pattern.test(line))
    const found = lines[at]
    if (found === undefined) continue
    const what = lines[at + 1]?.trim() ?? ''
    return what.startsWith('what():') ? `${found} (${what})` : found
  }
  if (signal !== null || code === 0) return undefined
  return exceptionIn(lines, code) ?? lines.findLast((line) => line !== '')
}

/**
 * The exception of a Python program, whose exit status is 1 then. Other threads may have written lines after it.
 */
function exceptionIn(lines: readonly string[], code: number | null): string | undefined {
  const at = code === 1 ? lines.findLastIndex((line) => TRACEBACK.test(line)) : -1
  return at === -1 ? undefined : lines.slice(at + 1).find((line) => /^[^\s+|]/.test(line))
}
