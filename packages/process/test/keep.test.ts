import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { findTagged, fromProgram, keep, SPAWN_ARGUMENTS, type Kept, type KeptEvents } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { pino } from 'pino'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { freshState, onEnd, open, python, shepherdsOf, watch } from './support.ts'
import { STAYS, keepShell, next, pidOf } from './kept.ts'

function count(kept: Kept, event: keyof KeptEvents): () => number {
  let times = 0
  kept.on(event, () => {
    times += 1
  })
  return () => times
}

test('C2: listeners that throw do not disturb a program, and the other listeners are called all the same', async () => {
  const reports: string[] = []
  const logger = pino(
    { level: 'error' },
    { write: (line: string) => reports.push((JSON.parse(line) as { msg: string }).msg) },
  )
  const kept = await keepShell(STAYS, { ready: /^up$/, logger })
  const heard: string[] = []
  for (const event of ['program.start', 'program.ready', 'child.ready', 'child.exit'] as const) {
    kept.on(event, () => {
      throw new Error('boom')
    })
    kept.on(event, () => heard.push(event))
  }
  await kept.whenReady()
  await kept.stop()
  expect(kept.status).toBe('stopped')
  expect(heard.sort()).toEqual(['child.exit', 'child.ready', 'program.ready', 'program.start'])
  expect(reports.sort()).toEqual(heard.map((event) => `a listener for ${event} failed`))
})

test('a program that is killed comes back as another process', async () => {
  const kept = await keepShell(STAYS, { ready: /^up$/ })
  expect(kept.status).toBe('starting')
  await kept.whenReady()
  expect(kept.status).toBe('running')
  const first = pidOf(kept)
  const exit = next(kept, 'child.exit')
  const again = next(kept, 'child.ready')
  process.kill(first, 'SIGKILL')
  const { reason } = await exit
  if (reason.type !== 'error') throw new Error(`it ended with ${reason.type}`)
  expect(reason.error).toMatchObject({
    code: 'WORKER_CRASHED',
    message: 'program sh died: signal SIGKILL',
    details: { program: 'sh', pid: first, code: null, signal: 'SIGKILL' },
  })
  expect(await again).toMatchObject({ id: 'sh', incarnation: 2 })
  const second = pidOf(kept)
  expect(second).not.toBe(first)
  expect(kept.runtime.census().map(({ pid }) => pid)).toEqual([second])
})

test('a program comes back when the shepherd is killed, and the program with it', async () => {
  const kept = await keepShell(STAYS, { ready: /^up$/ })
  await kept.whenReady()
  const first = pidOf(kept)
  const again = next(kept, 'child.ready')
  process.kill(shepherdsOf(kept.runtime).at(-1) ?? 0, 'SIGKILL')
  await again
  expect(isAlive(first)).toBe(false)
  expect(kept.runtime.census().map(({ pid }) => pid)).toEqual([pidOf(kept)])
})

test('the second restart in a row waits for its delay, on the clock that is given', async () => {
  const clock = new VirtualClock()
  const kept = await keepShell(STAYS, { clock, ready: /^up$/ })
  await kept.whenReady()
  const again = next(kept, 'child.ready')
  process.kill(pidOf(kept), 'SIGKILL')
  await again
  const backoff = next(kept, 'child.backoff')
  process.kill(pidOf(kept), 'SIGKILL')
  expect(await backoff).toMatchObject({ attempt: 2 })
  expect(kept).toMatchObject({ status: 'backing_off', pid: undefined })
  expect(kept.runtime.census()).toEqual([])
  await clock.advance(200)
  await kept.whenReady()
  expect(pidOf(kept)).toBeGreaterThan(0)
})

test('a crash loop is parked, with the last words of the program', async () => {
  const kept = await keepShell('echo first >&2; echo boom >&2; exit 3', {
    backoff: { base: 0 },
    breaker: { unstable: 3 },
  })
  const starts = count(kept, 'program.start')
  const { cause, failure } = await next(kept, 'child.parked')
  expect(cause).toBe('unstable')
  expect(failure.error).toMatchObject({
    code: 'WORKER_CRASHED',
    message: 'program sh died: exit status 3',
    hint: 'Its last words: boom',
    details: { code: 3, signal: null, stderr: 'first\nboom' },
  })
  expect(starts()).toBe(3)
  expect(kept.status).toBe('parked')
  await expect(kept.whenReady()).rejects.toBe(failure.error)
  expect(kept.runtime.census()).toEqual([])
})

test('a program that ends before it is ready has not started', async () => {
  const kept = await keepShell('echo nearly; exit 0', { ready: /^up$/, breaker: { identical: 1 } })
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'program sh ended before it was ready: exit status 0',
    hint: expect.stringContaining('foreground'),
  })
})

test('restarts beyond the intensity end the program for good', async () => {
  const kept = await keepShell('exit 1', { backoff: { base: 0 }, breaker: { unstable: 100 }, intensity: 2 })
  const starts = count(kept, 'program.start')
  const { reason } = await next(kept, 'supervisor.exit')
  expect(reason).toMatchObject({ type: 'error', error: { code: 'STOPPED', cause: { code: 'WORKER_CRASHED' } } })
  expect(starts()).toBe(3)
  await expect(kept.whenReady()).rejects.toMatchObject({ code: 'STOPPED', message: expect.stringMatching(/gave up/) })
  await kept.stop()
  expect(kept.status).toBe('stopped')
})

test.each([
  ['does not exist', 'absent', /there is no such program/, /Check the path/],
  ['may not be executed', 'locked', /permission denied/, /Make .* executable/],
  ['is no program', 'noise', /not a program for this machine/, /Install/],
])('a program that %s is started once, and says what to do', async (_, file, message, hint) => {
  const folder = freshState()
  writeFileSync(join(folder, 'locked'), '#!/bin/sh\n', { mode: 0o600 })
  writeFileSync(join(folder, 'noise'), '\0\0\0\0', { mode: 0o700 })
  const path = join(folder, file)
  const kept = keep(path, [], { runtime: await open(), logger: silent, backoff: { base: 0 } })
  onEnd(() => kept.stop())
  const starts = count(kept, 'child.start')
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  })
  expect(kept.status).toBe('parked')
  expect(starts()).toBe(1)
  // The cause is repaired, and the caller unparks the program.
  rmSync(path, { force: true })
  writeFileSync(path, `#!/bin/sh\n${STAYS}\n`)
  chmodSync(path, 0o700)
  await kept.supervisor.unpark(kept.name)
  await kept.whenReady()
  expect(starts()).toBe(2)
})

test('a program that is parked by hand does not go on by itself, whatever it was watched for before', async () => {
  const path = join(freshState(), 'absent')
  const kept = keep(path, [], { runtime: await open(), logger: silent, backoff: { base: 0 } })
  onEnd(() => kept.stop())
  await expect(kept.whenReady()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await kept.supervisor.park(kept.name, 'the disk is replaced')
  const healed = count(kept, 'child.unparked')
  const starts = count(kept, 'child.start')
  // What would have healed it before. Another program that waits for the same file goes on.
  const other = keep(path, [], { runtime: await open(), logger: silent, backoff: { base: 0 } })
  onEnd(() => other.stop())
  await expect(other.whenReady()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  const unparked = next(other, 'child.unparked')
  writeFileSync(path, `#!/bin/sh\n${STAYS}\n`, { mode: 0o700 })
  await unparked
  expect([kept.status, healed(), starts()]).toEqual(['parked', 0, 0])
  await kept.supervisor.unpark(kept.name)
  await kept.whenReady()
  expect(starts()).toBe(1)
})

test('a folder that does not exist is a configuration error too', async () => {
  const kept = await keepShell(STAYS, { cwd: join(freshState(), 'absent') })
  await expect(kept.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(/there is no such folder/),
  })
})

test.each([
  ['transient', 'exit 0', 1],
  ['temporary', 'exit 1', 1],
  ['permanent', 'exit 0', 3],
] as const)('%s: what becomes of `%s`', async (restart, script, expected) => {
  const kept = await keepShell(script, { restart, backoff: { base: 0, maxAttempts: 2 } })
  const starts = count(kept, 'program.start')
  await next(kept, restart === 'permanent' ? 'child.parked' : 'supervisor.exit')
  expect(starts()).toBe(expected)
})

test('a program gets its environment and folder, the spawn tag, and spawn arguments where they are asked for', async () => {
  const runtime = await open()
  const cwd = join(freshState(), 'here')
  mkdirSync(cwd)
  const script = 'echo "$TERRARIUM_SPAWN"; echo "$EXTRA"; pwd; echo "$*"'
  const said = async (args: readonly string[]): Promise<{ lines: string[]; spawn: string }> => {
    const env = { EXTRA: 'ü', TERRARIUM_SPAWN: 'cannot be overridden' }
    const options = { runtime, env, cwd, lines: true, restart: 'temporary', logger: silent } as const
    const kept = keep('sh', ['-c', script, ...args], options)
    onEnd(() => kept.stop())
    const lines: string[] = []
    kept.on('program.line', ({ line }) => lines.push(line))
    const [{ spawnId }] = await Promise.all([next(kept, 'program.start'), next(kept, 'supervisor.exit')])
    return { lines, spawn: spawnId }
  }
  const { installation, runId } = runtime
  const plain = await said(['sh', 'a b'])
  expect(plain.lines).toEqual([`${installation}:${runId}:${plain.spawn}`, 'ü', cwd, 'a b'])
  const marked = await said(['sh', SPAWN_ARGUMENTS])
  expect(marked.lines.at(-1)).toBe(`--terrarium-run ${runId} --terrarium-spawn ${marked.spawn}`)
})

test('without a runtime it opens one of its own, and stopping closes that', async () => {
  const stateDir = freshState()
  const kept = keep('sleep', ['60'], { stateDir, python, logger: silent })
  onEnd(() => kept.stop())
  await kept.whenReady()
  const [run = ''] = readdirSync(join(stateDir, 'runs'))
  const marked = findTagged({ run })
  watch(marked[0]?.installation ?? '')
  expect(marked.map(({ pid }) => pid)).toContain(pidOf(kept))
  await kept.stop()
  expect(findTagged({ run })).toEqual([])
  expect(readdirSync(join(stateDir, 'runs'))).toEqual([])
})

test('a runtime that keep() opens itself and that cannot be opened is a configuration error, and can be stopped while it opens', async () => {
  const stateDir = freshState()
  const broken = keep('sleep', ['60'], { stateDir, python: '/nowhere/python', logger: silent })
  await expect(broken.whenReady()).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringMatching(/there is no/),
  })
  await broken.stop()
  const hasty = keep('sleep', ['60'], { stateDir, python, logger: silent })
  await new Promise(setImmediate)
  await hasty.stop()
  expect(readdirSync(join(stateDir, 'runs'), { withFileTypes: true })).toEqual([])
})

test.each([
  ['no command', () => keep(''), 'command must be the name or path of a program'],
  ['arguments in one string', () => keep('x', '-g daemon' as never), 'args must be an array of strings'],
  ['an argument that is no string', () => keep('x', [80 as never]), 'args must be an array of strings'],
  ['options for arguments', () => keep('x', { name: 'y' } as never), 'args must be an array of strings'],
  [
    'two spawn arguments',
    () => keep('x', [SPAWN_ARGUMENTS, SPAWN_ARGUMENTS]),
    'args must have SPAWN_ARGUMENTS no more than once',
  ],
  ['options that are none', () => keep('x', [], null as never), 'options must be an object, not null'],
  ['readiness in words', () => keep('x', [], { ready: 'up' as never }), 'ready must be a RegExp or a function'],
  ['no time', () => keep('x', [], { startTimeout: 0 }), 'startTimeout must be whole ms from 1'],
  ['half a grace', () => keep('x', [], { grace: 0.5 }), 'grace must be whole ms from 0'],
  ['lines in words', () => keep('x', [], { lines: 'all' as never }), 'lines must be true or false'],
  ['no runtime', () => keep('x', [], { runtime: {} as never }), 'runtime must be what openRuntime() resolves to'],
  ['no runtime at all', () => fromProgram('x', [], {} as never), 'runtime is missing: what openRuntime() resolves to'],
  ['no restart type', () => keep('x', [], { restart: 'always' as never }), 'restart must be permanent, transient or'],
  ['a negative intensity', () => keep('x', [], { intensity: -1 }), 'intensity must be a whole number'],
  [
    'an option of a runtime beside a runtime',
    () => keep('x', [], { runtime: { spawn: keep } as never, stateDir: '/tmp' }),
    'stateDir means nothing to the runtime that is given: give it to openRuntime()',
  ],
  ['no breaker', () => keep('true', [], { breaker: 'off' as never }), "breaker must not be 'off'"],
])('%s is refused at once', (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }))
})

test('all mistakes are named at once', () => {
  expect(() => keep('', [], { grace: -1, name: 1 as never, intensity: -1 })).toThrow(
    /command must.*; name must.*; grace must.*; intensity must/,
  )
})
