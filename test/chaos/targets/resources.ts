// The target `resources`: a system that refuses memory, descriptors, processes or disk space.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLog } from '@terrarium/process'
import { RuntimeSubject } from '../runtime-subject.ts'
import { membersOf, type Said } from '../subject.ts'
import { sweepWithNextHost } from '../sweeper.ts'
import type { Context, Target } from '../target.ts'
import { within } from '../../support/waiting.ts'
import { isAlive, killAll, strangers } from '../world.ts'

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** What the system refuses, to which process, and how that has to look from outside. */
interface Case {
  /** Why the resource cannot be taken away on this machine; undefined if it can. */
  readonly lack?: () => string | undefined
  /** Takes the resource away. Returns a function that gives it back. */
  readonly take: (scene: Scene) => () => void
  /** The error of a spawn meanwhile; undefined if spawns still succeed. */
  readonly refusal?: { readonly code: string; readonly message: RegExp }
  /** The most starts until one is refused. Default 1. */
  readonly attempts?: number
}

interface Scene {
  readonly host: RuntimeSubject
  readonly stateDir: string
  readonly shepherd: number
}

const CASES: Readonly<Record<string, Case>> = {
  // A process needs no descriptor of its host.
  'EMFILE in the host': { lack: withoutPrlimit, take: ({ host }) => limitDescriptors(host.pid, 2) },
  'EMFILE in the shepherd': {
    lack: withoutPrlimit,
    take: ({ shepherd }) => limitDescriptors(shepherd, 2),
    refusal: { code: 'START_FAILED', message: /cannot be started: .*open files/i },
  },
  'ENOSPC in the state directory': {
    lack: withoutMounts,
    take: ({ stateDir }) => fill(stateDir),
    refusal: { code: 'CONFIGURATION', message: /the disk is full/ },
    // The rest of the last block of a file can still be written.
    attempts: 40,
  },
  'EAGAIN on fork': {
    lack: withoutPidsGroup,
    take: ({ shepherd }) => limitProcesses(shepherd),
    refusal: { code: 'START_FAILED', message: /cannot be started: .*temporarily unavailable/i },
  },
  'EPIPE, as the shepherd is gone': {
    take: ({ shepherd }) => {
      killAll([shepherd])
      return () => undefined
    },
  },
  'a clock that goes an hour ahead': { take: (scene) => jump(scene, 3_600_000) },
  'a clock that goes back an hour': { take: (scene) => jump(scene, -3_600_000) },
}

const READ_ONLY = 'a read-only state directory'

/** The system has no more of a resource: the error says so, nothing is lost, and afterwards all works as before. */
export const resources: Target = {
  name: 'resources',
  promise: 'what the system refuses is a clear error, loses nothing, and is over when the system gives again',
  rounds: 5 * Object.keys(CASES).length,
  byLevel: true,
  lacks() {
    const cases = [...Object.entries(CASES), [READ_ONLY, { lack: withoutMounts }] as const]
    const reasons = cases.map(([name, { lack }]) => [name, lack?.()] as const)
    return { parts: Object.fromEntries(reasons.filter((each): each is [string, string] => each[1] !== undefined)) }
  },
  async run(context) {
    const cases = Object.entries(CASES).filter(([, { lack }]) => lack?.() === undefined)
    await context.play(async (number) => {
      const [name, one] = cases[number % cases.length] ?? []
      if (name === undefined || one === undefined) throw new Error('there is no case')
      await tryOut(context, number, name, one)
    })
    if (withoutMounts() === undefined) await tryReadOnly(context)
  },
}

/** Read-only from the beginning: a file system cannot become read-only while files on it are open for writing. */
async function tryReadOnly(context: Context): Promise<void> {
  const stateDir = context.folder()
  if (!run('mount', '-t', 'tmpfs', '-o', 'ro,mode=700', 'tmpfs', stateDir)) throw new Error('nothing can be mounted')
  try {
    const host = new RuntimeSubject(context, stateDir)
    await host.exited
    await within(100, () => false)
    if (!/CONFIGURATION[^]*read-only|read-only[^]*CONFIGURATION/.test(host.story))
      throw new Error(`${READ_ONLY}: ${host.story}`)
    run('mount', '-o', 'remount,rw', stateDir)
    const next = new RuntimeSubject(context, stateDir)
    await next.start('one', 'idle')
    await next.close()
    context.count(0, { rounds: 1, orphans: strangers(new Set()).length }, READ_ONLY)
  } finally {
    run('umount', '--lazy', stateDir)
  }
}

async function tryOut(
  context: Context,
  number: number,
  name: string,
  { take, refusal, attempts = 1 }: Case,
): Promise<void> {
  const stateDir = context.folder()
  const isMounted = run('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', stateDir)
  const host = new RuntimeSubject(context, stateDir)
  let restore = (): void => undefined
  try {
    const { run: id } = await host.hear('open')
    const before = await host.start('before', 'idle')
    const shepherd = membersOf(String(id)).shepherds.at(-1) ?? 0
    restore = take({ host, stateDir, shepherd })
    let refused: Said | undefined
    for (let n = 0; n < attempts && refused === undefined; n++) refused = await attempt(host, `meanwhile-${n}`)
    if (refusal !== undefined) expectRefusal(refused, refusal)
    restore()
    await startAgain(host)
    if (refusal !== undefined && !isAlive(before.pid)) throw new Error('what had been started before is gone')
    killAll([host.pid])
    await host.exited
    const lost = await lostOf(host, join(stateDir, 'runs', String(id), 'log'))
    context.count(number, { lost: lost.length }, `${name}: ${lost.join(', ')}`)
    await sweepWithNextHost(context, stateDir)
    await within(2_000, () => strangers(new Set()).length === 0)
    context.count(number, { orphans: strangers(new Set()).length }, name)
    killAll(strangers(new Set()).map(({ pid }) => pid))
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}\n${host.story}`, { cause: error })
  } finally {
    restore()
    if (!host.isOver) killAll([host.pid])
    await host.exited
    if (isMounted) run('umount', '--lazy', stateDir)
  }
}

/** Tries to start a process. Returns its refusal, if it was refused. */
async function attempt(host: RuntimeSubject, id: string): Promise<Said | undefined> {
  host.tell({ do: 'start', id, ...host.command('idle') })
  const isAbout = (said: Said): boolean => (said['order'] as { id?: string } | undefined)?.id === id
  const settled = (): Said | undefined =>
    host.said.find((said) => (said.is === 'refused' && isAbout(said)) || (said.is === 'ready' && said['id'] === id))
  if (!(await within(20_000, () => settled() !== undefined))) throw new Error(`the start of ${id} came to nothing`)
  const said = settled()
  return said?.is === 'refused' ? said : undefined
}

function expectRefusal(refused: Said | undefined, { code, message }: NonNullable<Case['refusal']>): void {
  if (refused === undefined) throw new Error('it was not refused')
  if (refused['code'] !== code || !message.test(String(refused['message']))) {
    throw new Error(`it was refused with ${String(refused['code'])}: ${String(refused['message'])}`)
  }
  if (typeof refused['hint'] !== 'string') throw new Error('the refusal does not say what to do')
}

/** Waits until a start succeeds: the resource is back, or a new shepherd has started. */
async function startAgain(host: RuntimeSubject): Promise<void> {
  for (let tries = 0; tries < 5; tries++) if ((await attempt(host, `again-${tries}`)) === undefined) return
  throw new Error('it is refused for ever')
}

async function lostOf(host: RuntimeSubject, log: string): Promise<string[]> {
  const { reservations, damage } = await readLog(log)
  if (damage.length > 0) throw new Error(`the log is damaged: ${damage.join('; ')}`)
  const known = new Set(reservations.map(({ spawn }) => spawn))
  const over = new Set([...host.heard('exited'), ...host.heard('released')].map(({ spawn }) => spawn))
  return host
    .heard('spawned')
    .flatMap(({ spawn }) => (known.has(String(spawn)) || over.has(spawn) ? [] : String(spawn)))
}

/** Limits a resource to so many more than are in use. */
function limitDescriptors(pid: number, more: number): () => void {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let limit = 0
  for (let free = 0; free <= more; limit++) if (!used.has(limit)) free += 1
  if (!run('prlimit', '--pid', String(pid), `--nofile=${limit - 1}:`)) throw new Error('the limit cannot be set')
  return () => void run('prlimit', '--pid', String(pid), '--nofile=1024:')
}

function fill(folder: string): () => void {
  const file = join(folder, 'ballast')
  spawnSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=4k'])
  return () => {
    rmSync(file, { force: true })
  }
}

const PIDS_GROUP = '/sys/fs/cgroup/pids/terrarium-chaos'

function limitProcesses(pid: number): () => void {
  mkdirSync(PIDS_GROUP, { recursive: true })
  writeFileSync(join(PIDS_GROUP, 'cgroup.procs'), String(pid))
  writeFileSync(join(PIDS_GROUP, 'pids.max'), readFileSync(join(PIDS_GROUP, 'pids.current'), 'latin1'))
  return leavePidsGroup
}

function leavePidsGroup(): void {
  if (!existsSync(PIDS_GROUP)) return
  writeFileSync(join(PIDS_GROUP, 'pids.max'), 'max')
  for (const member of readFileSync(join(PIDS_GROUP, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean)) {
    writeFileSync('/sys/fs/cgroup/pids/cgroup.procs', member)
  }
  rmdirSync(PIDS_GROUP)
}

function withoutPidsGroup(): string | undefined {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  try {
    limitProcesses(child.pid ?? 0)()
    return undefined
  } catch (error) {
    return `no control group for pids: ${(error as Error).message}`
  } finally {
    child.kill('SIGKILL')
  }
}

function withoutPrlimit(): string | undefined {
  return run('prlimit', '--pid', String(process.pid), '--core=0:') ? undefined : 'there is no prlimit here'
}

function withoutMounts(): string | undefined {
  return run('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()) ? undefined : 'nothing can be mounted here'
}

function jump({ host }: Scene, ms: number): () => void {
  host.tell({ do: 'jump', ms })
  return () => undefined
}
