// The rlimit tag: a value of RLIMIT_RTTIME, in µs, that the shepherd sets on a process. All descendants inherit it,
// whatever they do to their environment and their session. See `terrarium_shepherd/rlimit_tag.py`.
/**
 * The rlimit tag of a spawn, as a decimal number: bit 62, and below it the lower 62 bits of the spawn's random number.
 */
export function rlimitTagOf(spawn: string): string {
  return String(TAG_BIT | (BigInt(`0x${spawn.slice(spawn.indexOf('-') + 1)}`) & (TAG_BIT - 1n)))
}

/** The bit that a tag has and no real limit: as a time, it is 146,000 years. */
const TAG_BIT = 1n << 62n
const LINE = /^Max realtime timeout +(\d{19}) /m

/** The rlimit tag in the text of /proc/PID/limits; undefined when the limit is no tag. */
export function parseRlimitTag(limits: string): string | undefined {
  const limit = LINE.exec(limits)?.[1]
  return limit !== undefined && BigInt(limit) >= TAG_BIT ? limit : undefined
}
