// Private folders for Unix sockets: where they can be, how they are made. Socket paths are short, so they lie in
// temporary folders, which other programs clean up.
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { messageOf, TerrariumError } from '@terrarium/supervisor/base'
import { findUnsafe } from './ownership.ts'
import { kindOf } from './regular-file.ts'

/** The longest socket path: 108 bytes with the closing NUL on Linux, 104 on macOS. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** The folders that private folders for sockets are made in, best first: XDG_RUNTIME_DIR, TMPDIR and /tmp. */
export function socketBases(): readonly string[] {
  const bases = [process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp']
  return [...new Set(bases.filter((base): base is string => base !== undefined && base !== ''))]
}

/**
 * Chooses where a private folder can be made that holds sockets with names as long as `socket`, and tries it out. It is
 * not made. Errors: CONFIGURATION when it can be made nowhere.
 */
export function chooseSocketFolder(name: string, socket: string): string {
  const refused = new Map<string, string>()
  for (const base of socketBases()) {
    const path = join(base, name)
    const why = whyNotIn(base, path, socket)
    if (why === undefined) return path
    refused.set(base, why)
  }
  const told = [...refused].map(([base, why]) => `${base} (${why})`).join(', ')
  throw new TerrariumError('CONFIGURATION', `No folder for sockets among ${told}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a folder with a short path that only you may write to.',
  })
}

function whyNotIn(base: string, path: string, socket: string): string | undefined {
  if (Buffer.byteLength(join(path, socket)) > SOCKET_PATH_BYTES) return 'its path is too long'
  if (!isWritableFolder(base)) return 'it is not a folder that this user may write to'
  return findUnsafe(resolve(base), { isShared: true })?.why ?? whyNotMade(path)
}

/** Tries it out: some file systems refuse folders, whatever their modes say. */
function whyNotMade(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700 })
    rmdirSync(path)
    return undefined
  } catch (error) {
    return `no folder can be made in it: ${messageOf(error)}`
  }
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return lstatSync(join(path, '.')).isDirectory()
  } catch {
    return false
  }
}

/**
 * Makes a private folder (0700) if it is not there, for a temporary folder may be cleaned up. Errors: START_FAILED when
 * its name is taken by what this user did not make, and the errors of the file system.
 */
export function makePrivateFolder(path: string, uid: number): void {
  try {
    mkdirSync(path, { mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const stat = lstatSync(path)
    if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return
    throw new TerrariumError('START_FAILED', `${path} is not the private folder that was made there`, {
      hint: 'Start this program again: its next run makes a folder of its own.',
      details: { path, kind: kindOf(stat), uid: stat.uid, mode: (stat.mode & 0o7777).toString(8) },
      cause: error,
    })
  }
}
