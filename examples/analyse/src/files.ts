// Which files the job analyses.
import { readdir, stat } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '@terrarium/cli'

/** An entry below the root that could not be read. */
export interface Unreadable {
  readonly path: string
  readonly reason: string
}

export interface Listing {
  /** Absolute. */
  readonly root: string
  /** Relative to the root, with `/`, in the order of their bytes. */
  readonly files: readonly string[]
  readonly unreadable: readonly Unreadable[]
}

/** Folders of an interpreter that are not its standard library. */
export const NOT_STANDARD = new Set(['site-packages', 'dist-packages', '__pycache__'])

/**
 * Every regular file below a directory whose name ends in `.py`. Links to files count, links to directories are not
 * followed: a tree of them may have no end. Throws a UsageError when the directory cannot be read or has no such file.
 */
export async function listSources(
  directory: string,
  signal: AbortSignal,
  except: ReadonlySet<string> = new Set(),
): Promise<Listing> {
  const root = resolve(directory)
  await assertDirectory(root, directory)
  const files: string[] = []
  const unreadable: Unreadable[] = []
  const pending = ['']
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal.throwIfAborted()
    for (const entry of await entriesOf(root, folder, directory, unreadable)) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!except.has(entry.name)) pending.push(path)
      } else if (entry.name.endsWith('.py') && (await isFile(root, path, entry, unreadable))) {
        files.push(path)
      }
    }
  }
  if (files.length === 0) throw new UsageError(`There is no .py file in ${directory}.`)
  return { root, files: sortBytewise(files), unreadable: unreadable.sort((a, b) => compareBytes(a.path, b.path)) }
}

async function assertDirectory(root: string, asGiven: string): Promise<void> {
  const stats = await stat(root).catch((error: unknown) => {
    throw new UsageError(
      codeOf(error) === 'ENOENT'
        ? `There is no directory ${asGiven}.`
        : `${asGiven} cannot be read: ${reasonOf(error)}.`,
    )
  })
  if (!stats.isDirectory()) throw new UsageError(`${asGiven} is not a directory.`)
}

async function entriesOf(
  root: string,
  folder: string,
  asGiven: string,
  unreadable: Unreadable[],
): Promise<readonly Dirent[]> {
  try {
    return await readdir(join(root, folder), { withFileTypes: true })
  } catch (error) {
    if (folder === '') throw new UsageError(`${asGiven} cannot be read: ${reasonOf(error)}.`)
    unreadable.push({ path: folder, reason: reasonOf(error, folder) })
    return []
  }
}

async function isFile(root: string, path: string, entry: Dirent, unreadable: Unreadable[]): Promise<boolean> {
  const isPlain = entry.isFile()
  if (isPlain && !path.includes(REPLACEMENT)) return true
  if (!isPlain && !entry.isSymbolicLink()) return false // a socket, a pipe: reading it might never end
  try {
    return (await stat(join(root, path))).isFile()
  } catch (error) {
    const reason =
      entry.isSymbolicLink() && codeOf(error) === 'ENOENT' ? 'a link that leads nowhere' : reasonOf(error, path)
    unreadable.push({ path, reason })
    return false
  }
}

/** What a name that is not UTF-8 has in place of its bytes; it cannot be opened by that name. */
const REPLACEMENT = '\uFFFD'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

function reasonOf(error: unknown, path = ''): string {
  const code = codeOf(error)
  if (code === 'ENOENT' && path.includes(REPLACEMENT)) return 'its name is not UTF-8'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ELOOP') return 'a link that leads back to itself'
  return code ?? String(error)
}

function sortBytewise(paths: readonly string[]): string[] {
  return paths
    .map((path) => ({ path, bytes: Buffer.from(path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ path }) => path)
}

const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
