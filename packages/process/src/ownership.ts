// Checks that no other user decides what is in a folder. A user who writes to the state directory could have processes
// of this user killed.
import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join, parse, sep } from 'node:path'

/** Why a folder is not safe, and how to make it safe. */
export interface Unsafe {
  readonly why: string
  /** A shell command that makes it safe. */
  readonly remedy: string
}

const WRITABLE_BY_GROUP = 0o020
const WRITABLE_BY_OTHERS = 0o002
const STICKY = 0o1000
/** As many symbolic links as the kernel follows in one path. */
const MOST_LINKS = 40

/**
 * Finds out whether a user other than this one and root decides what is in a folder. The rule is the one of ssh for
 * `~/.ssh`. The folder belongs to this user or to root, and no other user can write to it. The same holds for each
 * folder above it, except a sticky folder (/tmp) and a folder that only root's group can write to. Symbolic links on
 * the way belong to this user or to root. A path that does not exist yet is safe.
 *
 * Returns undefined when the folder is safe. `isShared`: the folder itself may be sticky, as /tmp is.
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
      if (++links > MOST_LINKS) return undefined // using the folder fails with ELOOP
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

/**
 * Whether the owner `uid` of a file is trusted. `above`: the file is on the way to the folder, not the folder itself.
 */
function isTrusted(uid: number, above: boolean): boolean {
  return uid === process.getuid?.() || uid === 0 || (above && isHiddenRoot(uid))
}

/**
 * Whether `uid` may be root of the system above this user namespace. All users that the namespace does not map have the
 * overflow uid in it.
 */
function isHiddenRoot(uid: number): boolean {
  try {
    const mapsAllUsers = /^\s*0\s+0\s+4294967295\s*$/
    if (mapsAllUsers.test(readFileSync('/proc/self/uid_map', 'latin1'))) return false
    return uid === Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'))
  } catch {
    return false
  }
}

const quote = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)
