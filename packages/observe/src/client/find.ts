// Finds the sockets of all observers of this user.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { socketBases } from '@terrarium/process/system'
import { FOLDER, SOCKET } from './places.ts'

/**
 * The sockets of the observers of this user, also of programs that have ended and left one. Sockets in folders that
 * another user made, or may enter, are left out.
 */
export function findSockets(): readonly string[] {
  const uid = process.getuid?.()
  return socketBases().flatMap((base) =>
    namesIn(base)
      .filter((name) => name.startsWith(FOLDER))
      .map((name) => join(base, name))
      .filter((folder) => isPrivate(folder, uid))
      .map((folder) => join(folder, SOCKET)),
  )
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function isPrivate(folder: string, uid: number | undefined): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false })
  return stat !== undefined && stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0
}
