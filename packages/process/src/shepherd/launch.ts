import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { TerrariumError } from '@terrarium/supervisor/base'
import { Channels, CHANNELS, type Channel } from './channels.ts'
import { dependenciesOf } from './dependencies.ts'
import type { Reservation } from '../log/record.ts'
import { patience } from '../pacing/patience.ts'
import { startTicksOf } from '../table/table.ts'

const DRAIN_MS = 500

/** What to start: the marker is already in place. */
export interface LaunchRequest {
  readonly spawn: string
  readonly command: string
  readonly args: readonly string[]
  /** Besides the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string | undefined
  /** What it ends in order for; see {@link SpawnRequest.obeys}. */
  readonly obeys?: 'SIGTERM' | 'order' | undefined
  /** For a child of this very process: descriptors that it has too, from 5 on. */
  readonly descriptors?: readonly number[] | undefined
}

/** Node has no names for real-time signals. */
export type SignalName = NodeJS.Signals | `SIGRTMAX-${number}`

export interface Ended {
  readonly code: number | null
  readonly signal: SignalName | null
  readonly memory?: MemoryShortage | undefined
}

/** What the kernel did for want of memory while a process ran that somebody has killed; see `terrarium_shepherd`. */
export interface MemoryShortage {
  /** How many processes the kernel has killed meanwhile. */
  readonly kills: number
  /** Where they are counted, the folder of a control group; null: on this machine. */
  readonly cgroup: string | null
  /** The lowest memory limit of the group, in bytes; null: it has none. */
  readonly limit: number | null
}

export interface Cleared {
  /** Its parent, the shepherd, went before it had ended whatever was left behind: there may be something. */
  readonly orphaned: boolean
}

/** A start has failed, and there may be a process all the same: its reservation outlasts it. */
export class StartedInVain extends Error {
  /** What `spawn()` rejects with. */
  readonly error: TerrariumError
  /** See {@link Launched.cleared}. */
  readonly cleared: Promise<Cleared>

  constructor(error: TerrariumError, cleared: Promise<Cleared>) {
    super(error.message)
    this.error = error
    this.cleared = cleared
  }
}

export type Keeper = Pick<Reservation, 'containment' | 'cgroup' | 'shepherd'>

/** A process that somebody, this host or its shepherd, started and reaps for us. */
export interface Launched {
  readonly pid: number
  /** 0 only for one that has ended already. */
  readonly startTicks: number
  /** What holds it and who has started it, if it is not this process. */
  readonly keeper?: Keeper
  readonly channels: Channels
  /** Settles outside the exit callback, when every other exit of the same moment is known. Never rejects. */
  readonly ended: Promise<Ended>
  /** Settles after `ended`, when whoever started it is done with what it has left behind. Never rejects. */
  readonly cleared: Promise<Cleared>
  readonly hasEnded: () => boolean
  /** Asks the process to end in order. Nothing happens once it has ended. */
  end(): void
  /** Signals the process, or its whole group. Nothing happens once it has ended. */
  signal(signal: NodeJS.Signals, target: 'process' | 'group'): void
}

/** A child of this very process. */
export interface LaunchedChild extends Launched {
  /** Its standard input. */
  readonly stdin: Writable
  /** The process ends when this is closed. Nothing is ever written to it. */
  readonly lifeline: Writable
  /** Whether this process waits for it before it ends by itself. It does unless told otherwise. */
  waitFor(on: boolean): void
}

/**
 * Starts a child of this very process in a session of its own, with its lifeline on descriptor 3 and its report on
 * descriptor 4. Errors: CONFIGURATION (this can never start), START_FAILED (the system refuses now), INVALID_ARGUMENT.
 */
export async function launch(request: LaunchRequest): Promise<LaunchedChild> {
  const child = await start(request)
  const [stdin, , , lifeline, report] = child.stdio
  const pid = child.pid
  if (pid === undefined || !stdin || !child.stdout || !child.stderr || !lifeline || !report) {
    throw new TerrariumError('START_FAILED', `${request.command} started without its pipes`)
  }
  // A process that goes away while one of these is in use is told by its exit.
  for (const end of [stdin, lifeline]) end.on('error', () => undefined)
  const sources = { stdout: child.stdout, stderr: child.stderr, report: report as Readable }
  const channels = connect(sources)
  // It is not reaped before its exit is told, so nobody else has its number.
  const startTicks = startTicksOf(pid) ?? 0

  let over = false
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true
      // What it has said last is read, but not for long: somebody else may hold the other end.
      void patience(DRAIN_MS).then(() => {
        for (const source of Object.values(sources)) source.destroy()
      })
      stdin.destroy()
      lifeline.destroy()
      // libuv reaps every dead child of a moment before it calls back for the first of them, so inside this callback
      // another child's pid may already be free. After setImmediate, all of them are known to be over.
      setImmediate(resolve, { code, signal })
    })
  })

  const signal = (number: NodeJS.Signals, target: 'process' | 'group'): void => {
    // Same reason: only here is "not over" the same as "not reaped", and the number still its own.
    setImmediate(() => {
      if (over) return
      if (target === 'process') child.kill(number)
      else killGroup(pid, number)
    })
  }
  return {
    pid,
    startTicks,
    stdin,
    lifeline: lifeline as Writable,
    channels,
    ended,
    cleared: ended.then(() => ({ orphaned: false })),
    hasEnded: () => over,
    end() {
      signal('SIGTERM', 'process')
    },
    signal,
    waitFor(on) {
      // One that is destroyed would keep a listener for each call, waiting to be connected.
      const pipes = child.stdio.filter((each) => each?.destroyed === false) as Partial<Socket>[]
      for (const handle of [child, ...pipes]) {
        if (on) handle.ref?.()
        else handle.unref?.()
      }
    },
  }
}

function connect(sources: Readonly<Record<Channel, Readable>>): Channels {
  const channels = new Channels((channel) => sources[channel])
  for (const channel of CHANNELS) {
    const end = (): void => {
      channels.end(channel)
    }
    const source = sources[channel]
    source.once('end', end).once('close', end).on('error', end)
    source.on('data', (chunk: Buffer) => {
      channels.take(channel, chunk)
    })
  }
  return channels
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    // EPERM: a member has changed its user. The others got the signal.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

async function start({ command, args, env, cwd, descriptors = [] }: LaunchRequest): Promise<ChildProcess> {
  try {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...descriptors],
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve).once('error', reject)
    })
    child.on('error', () => undefined)
    return child
  } catch (error) {
    throw startError({ command, cwd, env }, error as NodeJS.ErrnoException)
  }
}

/** Why something cannot be started, and what to do about it. */
export function startError(
  { command, cwd, env }: Pick<LaunchRequest, 'command' | 'cwd' | 'env'>,
  error: NodeJS.ErrnoException,
): TerrariumError {
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
