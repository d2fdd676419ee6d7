import { closeSync, constants, openSync, readSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

/**
 * The paths that decide whether a command can be started: its folder, the file or files that its name may stand for,
 * and what a script's first line names. They need not exist.
 */
export function dependenciesOf(command: string, cwd?: string, env: Readonly<Record<string, string>> = {}): string[] {
  const folder = cwd === undefined ? [] : [resolve(cwd)]
  const path = env.PATH ?? process.env.PATH ?? ''
  const files = candidates(command, path, cwd)
  const interpreters = files.flatMap((file) => firstLine(file)).flatMap((word) => candidates(word, path, cwd))
  return [...new Set([...folder, ...files, ...interpreters])]
}

/** An interpreter, and what makes a virtual environment of its folder. */
export function dependenciesOfInterpreter(python: string): string[] {
  const files = candidates(python, process.env.PATH ?? '')
  const environments = files.map((file) => dirname(dirname(file)))
  return [...files, ...environments.flatMap((each) => [each, join(each, 'pyvenv.cfg'), join(each, 'lib')])]
}

/** A name without a folder is looked for on the PATH. */
function candidates(command: string, path: string, cwd = '.'): string[] {
  if (command.includes('/')) return [resolve(cwd, command)]
  return path.split(delimiter).map((folder) => resolve(cwd, folder, command))
}

/** The words of `#!/usr/bin/env python3` that may be programs; none for what is no script. */
function firstLine(file: string): string[] {
  const line = beginning(file)?.split('\n')[0] ?? ''
  if (!line.startsWith('#!')) return []
  const [interpreter = '', argument = ''] = line.slice(2).trim().split(/\s+/)
  return [interpreter, ...(interpreter.endsWith('/env') ? [argument] : [])].filter((word) => word !== '')
}

function beginning(file: string): string | undefined {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK) // a FIFO would be waited for
  } catch {
    return undefined
  }
  try {
    const bytes = Buffer.alloc(256)
    return bytes.toString('latin1', 0, readSync(descriptor, bytes))
  } catch {
    return undefined // a folder, or a device
  } finally {
    closeSync(descriptor)
  }
}
