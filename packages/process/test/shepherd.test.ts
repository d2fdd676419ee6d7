import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { findMarked, openRuntime, type Runtime } from '@terrarium/process'
import { pino } from 'pino'
import { Shepherd } from '../src/shepherd.ts'
import { launch } from '../src/launch.ts'
import {
  ended,
  firstLine,
  freshState,
  isAlive,
  onEnd,
  open,
  python,
  shepherdOf,
  silent,
  start,
  startHost,
  stateOf,
  until,
} from './support.ts'

/** Daemonises with an empty environment, says its daemon's pid, and stays. */
const DAEMON = `
import os, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(tell, b"%d" % os.getpid())
        os.execve("/bin/sleep", ["sleep", "60"], {})
    os._exit(0)
os.wait()
os.write(4, os.read(told, 20) + b"\\n")
time.sleep(60)
`

const daemonised = async (runtime: Runtime) => {
  const process = await runtime.spawn({ name: 'daemon', command: python, args: ['-I', '-c', DAEMON] })
  return { process, daemon: Number(await firstLine(process)) }
}

test('a killed shepherd takes its processes with it, and a new one takes over', async () => {
  const lines: string[] = []
  const runtime = await open(freshState(), pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }))
  await runtime.swept
  const workers = await Promise.all(['idle', 'gil', 'stubborn'].map((mode) => start(runtime, mode)))
  expect(workers.map(({ said }) => said)).toEqual(['armed', 'armed', 'armed'])
  const pids = workers.map(({ process }) => process.pid)
  const shepherd = shepherdOf(runtime)
  expect(runtime.census().map(({ pid }) => pid)).not.toContain(shepherd)

  process.kill(shepherd, 'SIGKILL')
  const exits = await Promise.all(workers.map(({ process: worker }) => worker.exited))
  expect(exits).toMatchObject([1, 2, 3].map(() => ({ signal: 'SIGKILL', requested: 'none' })))
  await Promise.all(workers.map(({ process: worker }) => worker.released))
  expect(pids.filter(isAlive)).toEqual([])
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('the shepherd has died')

  expect((await start(runtime, 'idle')).said).toBe('armed')
  expect(shepherdOf(runtime)).not.toBe(shepherd)
  expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
})

test('what is being started while the shepherd dies has started or is refused, and is not left', async () => {
  const runtime = await open()
  const { process: first } = await start(runtime, 'idle')
  const wanted = Array.from({ length: 20 }, () => runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] }))
  process.kill(shepherdOf(runtime), 'SIGKILL')
  const outcomes = await Promise.allSettled(wanted)
  for (const outcome of outcomes) {
    // The last ones may have been started by the next shepherd.
    if (outcome.status === 'fulfilled') expect(await outcome.value.kill()).toMatchObject({ signal: 'SIGKILL' })
    else expect(outcome.reason).toMatchObject({ code: 'START_FAILED' })
  }
  await first.released
  expect(runtime.census()).toEqual([])
  expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
})

test('a daemon without a marker does not outlive the process that made it', async () => {
  const runtime = await open()
  const one = await daemonised(runtime)
  const other = await daemonised(runtime)
  expect([one, other].map(({ daemon }) => isAlive(daemon))).toEqual([true, true])
  await one.process.kill()
  await one.process.released
  expect([one, other].map(({ daemon }) => isAlive(daemon))).toEqual([false, true])
  await runtime.close()
  expect(isAlive(other.daemon)).toBe(false)
})

test('the shepherd ends everything when the host is killed, even when it was stopped itself', async () => {
  const host = startHost(freshState(), 'hold', 'stubborn', 'grandchild setsid cleared', 'gil')
  const { children, shepherd } = await host.next()
  const grandchild = Number(children[1]?.said.split(' ')[1])
  expect([grandchild, shepherd, ...children.map(({ pid }) => pid)].every(isAlive)).toBe(true)
  process.kill(shepherd, 'SIGSTOP')
  await until(() => stateOf(shepherd) === 'T', 'the shepherd is stopped')
  host.child.kill('SIGKILL')
  await ended(host.child)
  const all = [grandchild, shepherd, ...children.map(({ pid }) => pid)]
  await until(() => !all.some(isAlive), 'everything is gone', 2000)
})

test('a hundred processes at once are started, and ended', async () => {
  const runtime = await open()
  const spawned = await Promise.all(
    Array.from({ length: 100 }, () => runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })),
  )
  expect(
    runtime
      .census()
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual(spawned.map(({ pid }) => pid).sort())
  expect(await runtime.close()).toEqual({ killed: 100, unreleased: 0, left: [] })
})

test('a host with nothing to do ends by itself, with its shepherd', async () => {
  const host = startHost(freshState(), 'nothing')
  const { installation } = await host.next()
  await ended(host.child)
  expect(host.child.exitCode).toBe(0)
  await until(() => findMarked({ installation }).length === 0, 'the shepherd is gone', 2000)
})

test('an interpreter that runs no shepherd is a clear error of the first start', async () => {
  const runtime = await openRuntime({ python: '/bin/true', stateDir: freshState(), logger: silent })
  onEnd(() => runtime.close())
  const error: unknown = await runtime
    .spawn({ name: 'x', command: 'true', args: [] })
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'START_FAILED' })
  expect((error as Error).message).toContain('the shepherd has ended before its first word: exit status 0')
  expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
})

test('a shepherd of another version is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tt-'))
  onEnd(() => {
    rmSync(folder, { recursive: true })
  })
  const env = { PATH: process.env['PATH'] }
  const script = `echo '{"type":"hello","version":2,"pid":1}' >&4; read -r _; exit 0`
  const launched = await launch({ spawn: '1-0', command: 'sh', args: ['-c', script], env })
  await expect(Shepherd.start(launched, join(folder, 's.sock'))).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'the shepherd speaks version 2 of its protocol, not 1',
  })
  await launched.ended
  expect(readdirSync(folder)).toEqual([])
})
