// What tests of this package share: runtimes and hosts that are closed after each test, when no process may be left.
import { execFileSync, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, expect, jest } from '@jest/globals'
import {
  findTagged,
  SPAWN_ARGUMENTS,
  openRuntime,
  shepherdFiles,
  type OsProcess,
  type Runtime,
  type RuntimeOptions,
} from '@terrarium/process'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive, parentOf, runsShepherd, stateOf } from '../../../test/support/processes.ts'
import { testPython } from '../../../test/support/python.ts'
import { eventually } from '../../../test/support/waiting.ts'

/** A real interpreter, not a shim. */
export const python = execFileSync(testPython(), ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim()

jest.setTimeout(60_000)

export const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

// Hosts that are killed leave their runtime directories behind; here, where the test removes them.
const runtimeDirectories = mkdtempSync(join(tmpdir(), 'tt-'))
process.env['XDG_RUNTIME_DIR'] = runtimeDirectories
afterAll(() => {
  rmSync(runtimeDirectories, { recursive: true, force: true })
})

const cleanUps: (() => unknown)[] = []
/** Installations of which no process may be left, within so many ms after the test. */
const installations = new Map<string, number>()

/** Runs this after the test, in reverse order. */
export function onEnd(work: () => unknown): void {
  cleanUps.push(work)
}

afterEach(async () => {
  while (cleanUps.length > 0) await cleanUps.pop()?.()
  // By scanning the system, not by asking Terrarium.
  const watched = [...installations]
  installations.clear()
  for (const [installation, patience] of watched) {
    if (patience > 0) await eventually('nothing is left', () => findTagged({ installation }).length === 0, patience)
    expect(findTagged({ installation })).toEqual([])
  }
})

/** A new state directory with an unusual name. */
export function freshState(): string {
  const directory = mkdtempSync(join(tmpdir(), 'terrarium tëst 蛇 '))
  onEnd(() => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

export async function open(
  stateDir = freshState(),
  logger = silent,
  options: Partial<RuntimeOptions> = {},
): Promise<Runtime> {
  const runtime = await openRuntime({ python, stateDir, logger, ...options })
  watch(runtime.installation)
  onEnd(() => runtime.close())
  return runtime
}

/** Asserts after the test that no process of the installation is left, within `patience` ms. */
export function watch(installation: string, patience = 0): void {
  installations.set(installation, Math.max(patience, installations.get(installation) ?? 0))
}

export interface Started {
  readonly process: OsProcess
  /** The first line of the process on the channel `report`. */
  readonly said: string
}

/** Starts the fixture child in the given mode and waits for its first word. */
export async function start(runtime: Runtime, ...mode: string[]): Promise<Started> {
  const process = await runtime.spawn({
    name: mode.join(' '),
    command: python,
    args: [fixture('child.py'), shepherdFiles(), SPAWN_ARGUMENTS, ...mode],
  })
  return { process, said: await firstLine(process) }
}

export async function firstLine(process: OsProcess): Promise<string> {
  for await (const line of createInterface({ input: process.report })) return line
  throw new Error(`it has written no line: ${(await process.exited).tail}`)
}

export interface Host {
  readonly child: ChildProcess
  readonly lines: Interface
  /** The next line it prints, parsed. */
  next(): Promise<HostFacts>
}

export const hostArguments = (stateDir: string, ...action: string[]): string[] => [
  fixture('host.mjs'),
  stateDir,
  python,
  fixture('child.py'),
  ...action,
]

export interface HostFacts {
  readonly pid: number
  readonly installation: string
  readonly run: string
  readonly directory: string
  readonly stateDir: string
  /** The shepherd, and before it the guard process, if there is one. */
  readonly shepherds: readonly number[]
  readonly children: readonly { pid: number; spawn: string; said: string }[]
  readonly [key: string]: unknown
}

/** A host in another process. It exits with this process. */
export function startHost(stateDir: string, ...action: string[]): Host {
  return watchHost(
    spawn(process.execPath, hostArguments(stateDir, ...action), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env },
    }),
  )
}

/** As {@link startHost}, for a host that the test has started itself. */
export function watchHost(child: ChildProcessByStdio<Writable, Readable, null>): Host {
  onEnd(async () => {
    child.kill('SIGKILL')
    await ended(child)
  })
  const lines = createInterface({ input: child.stdout })
  const iterator = lines[Symbol.asyncIterator]()
  return {
    child,
    lines,
    async next() {
      const line = await iterator.next()
      if (line.done) throw new Error('the host ended without a word')
      const facts = JSON.parse(line.value) as HostFacts
      // The shepherd notices the death of the host only afterwards.
      if (facts.installation) watch(facts.installation, 2000)
      return facts
    },
  }
}

/**
 * The shepherd of a run, and before it the guard process, if there is one; by scanning the system for their command. A
 * scan may miss any other process, whose environment is empty for a moment during its exec: what the census does not
 * know need not be a shepherd.
 */
export function shepherdsOf(runtime: Runtime): number[] {
  const scan = () =>
    findTagged({ run: runtime.runId })
      .map(({ pid }) => pid)
      .filter(runsShepherd)
  // A process that has exited meanwhile does not count.
  const still = new Set(scan())
  const found = scan().filter((pid) => still.has(pid))
  expect([1, 2]).toContain(found.length)
  return found.sort((one, other) => Number(parentOf(one) === other) - Number(parentOf(other) === one))
}

/** Kills a host and its shepherd so that neither can do anything about it. */
export async function killWithShepherd({ child }: Host, { shepherds }: HostFacts): Promise<void> {
  const pids = [child.pid ?? 0, ...shepherds]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await eventually('host and shepherd are stopped', () => pids.every((pid) => stateOf(pid) === 'T'))
  // The host is killed last: the kernel continues stopped processes whose parent has exited.
  for (const pid of pids.reverse()) process.kill(pid, 'SIGKILL')
  await ended(child)
}

/**
 * The living processes of a spawn, found by their rlimit tag, which a process cannot take off.
 */
export function familyOf(spawn: string): number[] {
  const mark = String((1n << 62n) | (BigInt(`0x${spawn.split('-')[1] ?? ''}`) & ((1n << 62n) - 1n)))
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && isAlive(Number(entry)))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/limits`, 'latin1').includes(mark)
      } catch {
        return false // gone
      }
    })
}

/** The process that a process of the mode `grandchild` has started; the pid that it prints is of its own namespace. */
export function grandchildOf({ pid, spawn }: { readonly pid: number; readonly spawn: string }): number {
  const [grandchild, ...more] = familyOf(spawn).filter((member) => member !== pid)
  expect(more).toEqual([])
  return grandchild ?? 0
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve))
}

/** A Python process that Terrarium has not started. It exits with this process. */
export function decoy(code: string, args: string[] = [], env: Record<string, string> = {}) {
  const arm = `import sys; sys.path.insert(0, ${JSON.stringify(shepherdFiles())}); from terrarium_shepherd import arm; arm.arm()`
  const child = spawn(python, ['-c', `${arm}\n${code}`, ...args], {
    env: { ...process.env, TERRARIUM_HOST_PID: String(process.pid), ...env },
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  })
  onEnd(async () => {
    child.kill('SIGKILL')
    await ended(child)
  })
  const { stdout } = child
  if (stdout === null) throw new Error('a decoy without output')
  return Object.assign(child, { stdout })
}
