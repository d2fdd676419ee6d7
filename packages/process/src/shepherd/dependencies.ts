// Which paths a failed start depends on, so that a watch of them can tell when a new start is worth while.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

/**
 * The paths that decide whether a command can be started: its working directory, the files that its name may stand for,
 * and the interpreters in the first line of a script. They need not exist.
 */
export function dependenciesOf(command: string, cwd?: string, env: Readonly<Record<string, string>> = {}): string[] {
  const folder = cwd === undefined ? [] : [resolve(cwd)]
  const path = env.PATH ?? process.env.PATH ?? ''
  const files = candidates(command, path, cwd)
  const interpreters = files.flatMap((file) => firstLine(file)).flatMap((word) => candidates(word, path, cwd))
  return [...new Set([...folder, ...files, ...interpreters])]
}

/** The paths that decide whether an interpreter works: its file, and its virtual environment. They need not exist. */
export function dependenciesOfInterpreter(python: string): string[] {
  const files = candidates(python, process.env.PATH ?? '')
  const environments = files.map((file) => dirname(dirname(file)))
  return [...files, ...environments.flatMap((each) => [each, join(each, 'pyvenv.cfg'), join(each, 'lib')])]
}

/** The files that a command may stand for. A name without a folder is looked up on the PATH. */
function candidates(command: string, path: string, cwd = '.'): string[] {
  if (command.includes('/')) return [resolve(cwd, command)]
  return path.split(delimiter).map((folder) => resolve(cwd, folder, command))
}

/** The programs in a first line such as `#!/usr/bin/env python3`; none if the file is no script. */
function firstLine(file: string): string[] {
  const line = beginning(file)?.split('\n')[0] ?? ''
  if (!line.startsWith('#!')) return []
  const [interpreter = '', argument = ''] = line.slice(2).trim().split(/\s+/)
  return [interpreter, ...(interpreter.endsWith('/env') ? [argument] : [])].filter((word) => word !== '')
}

function beginning(file: string): string | undefined {
  let descriptor: number
  try {
    // without O_NONBLOCK, opening a FIFO waits for a writer
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
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
