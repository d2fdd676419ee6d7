// What the option `tools` of a pool may hold, and the names of `expose`.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isList } from '@terrarium/supervisor/base'
import type { PoolOptions } from './options.ts'

/** Absolute paths of files, and names of modules. */
export function toolEntries(tools: PoolOptions['tools']): readonly string[] {
  const entries = typeof tools === 'string' || tools instanceof URL ? [tools] : tools
  return entries.map((entry) => {
    if (entry instanceof URL || isUrl(entry)) return fileURLToPath(entry)
    return isModuleName(entry) ? entry : resolve(entry)
  })
}

/** Also as `import.meta.resolve()` gives it: a string. */
const isUrl = (entry: string): boolean => /^[a-z][a-z\d+.-]*:\/\//i.test(entry)

export function isToolEntry(entry: unknown): boolean {
  if (!(entry instanceof URL)) {
    if (typeof entry !== 'string' || entry === '') return false
    if (!isUrl(entry)) return !entry.includes('\0')
  }
  try {
    return fileURLToPath(entry) !== ''
  } catch {
    return false // of another protocol, or with a host
  }
}

export const areToolNames = (names: unknown): boolean =>
  isList(names) && names.length > 0 && names.every((name) => typeof name === 'string' && isModuleName(name))

/** Everything else is a path. */
function isModuleName(entry: string): boolean {
  return (
    /^[\p{ID_Start}_][\p{ID_Continue}]*(?:\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u.test(entry) && !/\.py$/.test(entry)
  )
}
