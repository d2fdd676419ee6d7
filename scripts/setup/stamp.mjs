// A stamp says that a step is done for certain inputs. It is removed before the step begins and written after the
// step's last effect, so a step that was killed has none and runs again.
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setupFolder } from './paths.mjs'

const stampPath = (name) => join(setupFolder, `${name}.json`)

/** The stamp of a step, or undefined when there is none that can be read. */
export function readStamp(name) {
  try {
    return JSON.parse(readFileSync(stampPath(name), 'utf8'))
  } catch {
    return undefined
  }
}

/** `made` differs each time, so that a step can tell whether the step that it builds on has run again. */
export function writeStamp(name, stamp) {
  const draft = `${stampPath(name)}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify({ ...stamp, made: randomUUID() }, null, 2)}\n`, { flush: true })
  renameSync(draft, stampPath(name))
}

export const removeStamp = (name) => rmSync(stampPath(name), { force: true })

/** One hash of any number of strings. */
export function hashOf(parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex')
}

/** The content of a file, or '' when it does not exist. */
export function contentOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}
