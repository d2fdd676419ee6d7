// Starts a child of this very host: the shepherd, the guard process and the sweep helper. All other processes are
// started by the shepherd.
import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { TerrariumError } from '@terrarium/supervisor/base'
import { OsProcess, type Cleared, type Orders, type Registration } from '../life/os-process.ts'
import { CHANNELS, type Channel } from '../life/output.ts'
import type { Reservation } from '../log/record.ts'
import { patience } from '../pacing/patience.ts'
import { startTicksOf } from '../table/table.ts'
import { startError } from './start-error.ts'

/** How long after the exit of a child its output is read, in ms: another process may hold the other end. */
const DRAIN_MS = 500
const NOTHING = Buffer.alloc(0)

/** What to start. The spawn tag and the spawn arguments are in place. */
export interface LaunchRequest {
  readonly spawn: string
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment of this host. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string | undefined
  /** See {@link SpawnRequest.obeys}. */
  readonly obeys?: 'SIGTERM' | 'order' | undefined
  /** For a child of this host: descriptors that the child has too, from 5 on. */
  readonly descriptors?: readonly number[] | undefined
  readonly registration: Registration
}

/** A start has failed, and there may be a process all the same: its reservation outlasts it. */
export class StartedInVain extends Error {
  /** What `spawn()` rejects with. */
  readonly error: TerrariumError
  /** See {@link OsProcess.cleared}. */
  readonly cleared: Promise<Cleared>

  constructor(error: TerrariumError, cleared: Promise<Cleared>) {
    super(error.message)
    this.error = error
    this.cleared = cleared
  }
}

/** What a parent has started. */
export interface Started {
  readonly process: OsProcess
  /** What the reservation says of the parent, if that is not this host. */
  readonly keeper?: Keeper
}

/** What the reservation of a process says of its parent. */
export type Keeper = Pick<Reservation, 'containment' | 'cgroup' | 'shepherd'>

/** A child of this very host. */
export interface OwnChild extends Started {
  /** Its standard input. */
  readonly stdin: Writable
  /** The child ends when this is closed. Nothing is ever written to it. */
  readonly lifeline: Writable
  /** Whether this host waits for the child before it ends by itself. Default true. */
  waitFor(on: boolean): void
}

/**
 * Starts a child of this host in a session of its own, with its lifeline on descriptor 3 and its report on descriptor
 * 4. Errors: CONFIGURATION (this can never start), START_FAILED (the system refuses now), INVALID_ARGUMENT.
 */
export async function launch(request: LaunchRequest): Promise<OwnChild> {
  const child = await start(request)
  const [stdin, , , lifeline, report] = child.stdio
  const pid = child.pid
  if (pid === undefined || !stdin || !child.stdout || !child.stderr || !lifeline || !report) {
    throw new TerrariumError('START_FAILED', `${request.command} started without its pipes`)
  }
  // A child that exits while one of these is in use is told by its exit.
  for (const end of [stdin, lifeline]) end.on('error', () => undefined)
  const sources = { stdout: child.stdout, stderr: child.stderr, report: report as Readable }
  const { process, news } = OsProcess.create(request.registration, ordersTo(child, pid, sources))
  // The child is not reaped before its exit is told, so no other process has its number.
  news.spawned(pid, startTicksOf(pid) ?? 0)
  read(sources, news.output)
  child.once('exit', (code, signal) => {
    void patience(DRAIN_MS).then(() => {
      for (const source of Object.values(sources)) source.destroy()
    })
    stdin.destroy()
    lifeline.destroy()
    news.exited({ code, signal })
    news.cleared({ orphaned: false })
  })
  return {
    process,
    stdin,
    lifeline: lifeline as Writable,
    waitFor(on) {
      // A destroyed pipe would keep a listener for each call, waiting to be connected.
      const pipes = child.stdio.filter((each) => each?.destroyed === false) as Partial<Socket>[]
      for (const handle of [child, ...pipes]) {
        if (on) handle.ref?.()
        else handle.unref?.()
      }
    },
  }
}

function read(sources: Readonly<Record<Channel, Readable>>, output: (channel: Channel, chunk: Buffer) => void): void {
  for (const channel of CHANNELS) {
    const end = (): void => {
      output(channel, NOTHING)
    }
    const source = sources[channel]
    source.once('end', end).once('close', end).on('error', end)
    source.on('data', (chunk: Buffer) => {
      output(channel, chunk)
    })
  }
}

function ordersTo(child: ChildProcess, pid: number, sources: Readonly<Record<Channel, Readable>>): Orders {
  const signal = (number: NodeJS.Signals, target: 'process' | 'group'): void => {
    // libuv reaps every child that has exited in a moment before it calls back for the first of them, so inside such a
    // callback the number of another child may already be free. After setImmediate, all of them are known to be over.
    setImmediate(() => {
      if (child.exitCode !== null || child.signalCode !== null) return
      if (target === 'process') child.kill(number)
      else killGroup(pid, number)
    })
  }
  return {
    end: () => {
      signal('SIGTERM', 'process')
    },
    signal,
    flow: (channel, on) => {
      if (on) sources[channel].resume()
      else sources[channel].pause()
    },
  }
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
