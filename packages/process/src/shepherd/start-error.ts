// Why a command could not be started: from the system's error code to an error with a hint.
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { TerrariumError } from '@terrarium/supervisor/base'
import { dependenciesOf } from './dependencies.ts'

/** What was to be started, and where. */
interface Command {
  readonly command: string
  readonly cwd?: string | undefined
  readonly env: Readonly<Record<string, string>>
}

/** Why something cannot be started, and what to do about it. */
export function startError({ command, cwd, env }: Command, error: NodeJS.ErrnoException): TerrariumError {
  const { code } = error
  if (code === 'ETIMEDOUT') {
    // No look at these files from here: this process would wait for the same file system.
    return new TerrariumError('START_FAILED', `${command} cannot be started: the system has not loaded it in time`, {
      hint: `See whether the file systems answer that hold ${command} and ${cwd ?? 'its folder'}.`,
      cause: error,
      details: { command, cwd, code },
    })
  }
  const options = { cause: error, details: { command, cwd, code, watch: dependenciesOf(command, cwd, env) } }
  const wrong = cwd === undefined ? undefined : noFolder(cwd)
  if (cwd !== undefined && wrong !== undefined) {
    return new TerrariumError('CONFIGURATION', `${command} cannot be started in ${cwd}: ${wrong.why}`, {
      ...options,
      hint: wrong.hint,
    })
  }
  if (cwd !== undefined && code === 'EACCES' && !mayEnter(cwd)) {
    return new TerrariumError('CONFIGURATION', `${command} cannot be started in ${cwd}: permission denied`, {
      ...options,
      hint: `Let this user enter the folder ${cwd}, or start it elsewhere.`,
    })
  }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new TerrariumError('CONFIGURATION', `${command} cannot be started: there is no such program`, {
        ...options,
        hint: `Check the path ${command}, and for a script also the interpreter in its first line.`,
      })
    case 'EACCES':
    case 'EPERM':
    case 'EISDIR':
      return new TerrariumError('CONFIGURATION', `${command} cannot be started: permission denied`, {
        ...options,
        hint: `Make ${command} executable for this user.`,
      })
    case 'ENOEXEC':
      return new TerrariumError('CONFIGURATION', `${command} cannot be started: it is not a program for this machine`, {
        ...options,
        hint: `Install ${command} for this system and architecture; a script needs a first line like #!/bin/sh.`,
      })
    case 'E2BIG':
      return new TerrariumError(
        'CONFIGURATION',
        `${command} cannot be started: arguments and environment are too long`,
        {
          ...options,
          hint: 'Pass large values in a file.',
        },
      )
    case 'EINVAL':
    case 'ERR_INVALID_ARG_VALUE':
    case 'ERR_INVALID_ARG_TYPE':
      return new TerrariumError('INVALID_ARGUMENT', `${command} cannot be started: ${error.message}`, options)
    case 'ECONNREFUSED':
      return new TerrariumError('START_FAILED', `${command} cannot be started: the lifeline of its run is lost`, {
        ...options,
        hint: 'Start this program again: its next run has a lifeline of its own.',
      })
    case 'EAGAIN':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return new TerrariumError('START_FAILED', `${command} cannot be started: ${error.message}`, {
        ...options,
        hint: 'The system is short of processes, descriptors or memory: see ulimit -a.',
      })
    default:
      return new TerrariumError('START_FAILED', `${command} cannot be started: ${error.message}`, options)
  }
}

/** Why a path is no folder to start something in, and what to do; undefined if it is one. */
function noFolder(path: string): { readonly why: string; readonly hint: string } | undefined {
  let file: string | undefined
  // The first part of the path that is there and is no folder: below it, nothing can be made.
  for (let each = resolve(path); file === undefined && each !== dirname(each); each = dirname(each)) {
    try {
      if (statSync(each).isDirectory()) {
        if (each === resolve(path)) return undefined
        break
      }
      file = each
    } catch {
      // Not there, or below what is no folder.
    }
  }
  if (file === undefined)
    return { why: 'there is no such folder', hint: `Make the folder ${path}, or start it elsewhere.` }
  return {
    why: file === resolve(path) ? 'it is a file, not a folder' : `${file} is a file, not a folder`,
    hint: `Correct the working directory: name a folder, such as ${dirname(file)}.`,
  }
}

function mayEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK)
    return true
  } catch {
    return false
  }
}
