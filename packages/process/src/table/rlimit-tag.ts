/**
 * The mark that the shepherd puts on a process, and that all its descendants inherit, whatever they do to their
 * environment and their session: a limit of real time (RLIMIT_RTTIME, in µs) whose lower 62 bits are those of the
 * spawn's random number. See `terrarium_shepherd/rlimit_tag.py`.
 */
export function rlimitTagOf(spawn: string): string {
  return String(MARKED | (BigInt(`0x${spawn.slice(spawn.indexOf('-') + 1)}`) & (MARKED - 1n)))
}

const MARKED = 1n << 62n
const LINE = /^Max realtime timeout +(\d{19}) /m

/** The mark in the text of /proc/PID/limits. */
export function parseRlimitTag(limits: string): string | undefined {
  const mark = LINE.exec(limits)?.[1]
  return mark !== undefined && BigInt(mark) >= MARKED ? mark : undefined
}
