import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join, parse, sep } from 'node:path'

/** Why a folder is not safe, and what makes it so. */
export interface Unsafe {
  readonly why: string
  /** A command. */
  readonly remedy: string
}

const WRITABLE_BY_GROUP = 0o020
const WRITABLE_BY_OTHERS = 0o002
const STICKY = 0o1000
/** As many as the kernel follows. */
const MOST_LINKS = 40

/**
 * Whether another user than this one and root decides what is in a folder: the rule of ssh for the folder of its keys.
 * The folder has to belong to this user or to root, and nobody else may write to it. So has each folder above it, but
 * for one like /tmp that is sticky, and one that only the group of root may write to. Links on the way belong to this
 * user or to root. What does not exist yet is safe.
 *
 * `isShared`: the folder itself may be like /tmp.
 */
export function findUnsafe(path: string, { isShared = false } = {}): Unsafe | undefined {
  let links = 0
  let folder = parse(path).root
  let names = path.slice(folder.length).split(sep).filter(Boolean)
  for (;;) {
    const isLast = names.length === 0
    const stat = lstatSync(folder, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (stat.isSymbolicLink()) {
      if (!isTrusted(stat.uid, true)) {
        return { why: `the link ${folder} belongs to user ${stat.uid}`, remedy: `rm ${quote(folder)}` }
      }
      if (++links > MOST_LINKS) return undefined // the system says what is wrong with it
      const target = readlinkSync(folder)
      const absolute = target.startsWith(sep) ? target : join(dirname(folder), target)
      folder = parse(absolute).root
      names = [...absolute.slice(folder.length).split(sep).filter(Boolean), ...names]
      continue
    }
    const unsafe = examine(folder, stat, isLast && !isShared)
    if (unsafe !== undefined || isLast) return unsafe
    folder = join(folder, names.shift() ?? '')
  }
}

function examine(folder: string, { uid, gid, mode }: Stats, isPrivate: boolean): Unsafe | undefined {
  if (!isTrusted(uid, !isPrivate)) {
    return { why: `${folder} belongs to user ${uid}`, remedy: `chown ${process.getuid?.() ?? 0} ${quote(folder)}` }
  }
  if (!isPrivate && (mode & STICKY) !== 0) return undefined
  const others = (mode & WRITABLE_BY_OTHERS) !== 0
  const group = (mode & WRITABLE_BY_GROUP) !== 0 && (isPrivate || gid !== 0)
  if (!others && !group) return undefined
  const who = others ? 'every user' : `group ${gid}`
  return { why: `${who} may write to ${folder}`, remedy: `chmod go-w ${quote(folder)}` }
}

/** `above`: it is only on the way to what has to be ours. */
function isTrusted(uid: number, above: boolean): boolean {
  return uid === process.getuid?.() || uid === 0 || (above && isHiddenRoot(uid))
}

/** In a user namespace the root of the system above may be one of those that have no number here. */
function isHiddenRoot(uid: number): boolean {
  try {
    const everybody = /^\s*0\s+0\s+4294967295\s*$/
    if (everybody.test(readFileSync('/proc/self/uid_map', 'latin1'))) return false
    return uid === Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'))
  } catch {
    return false
  }
}

const quote = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)
