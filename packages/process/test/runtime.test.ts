import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { expect, test } from '@jest/globals'
import type { TerrariumError } from '@terrarium/supervisor/base'
import { bootId, findTagged, SPAWN_ARGUMENTS, openRuntime, readIdentity, shepherdFiles } from '@terrarium/process'
import { readLog } from '../src/log/read-log.ts'
import { openInstallation, resolveStateDir, stateError } from '../src/state-directory.ts'
import { processTable } from '../src/table/table.ts'
import {
  testUnless,
  withoutMounts,
  withoutTracing,
  withoutUnshare,
  withoutUserNamespaces,
} from '../../../test/support/when.ts'
import { recordingLogger, silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import {
  decoy,
  ended,
  fixture,
  freshState,
  hostArguments,
  onEnd,
  open,
  python,
  shepherdsOf,
  start,
  startHost,
  watchHost,
} from './support.ts'

const dist = new URL('../dist/index.js', import.meta.url).href

test('a process has its spawn tag in its environment, spawn arguments, and a session of its own', async () => {
  const runtime = await open()
  const worker = await runtime.spawn({
    name: 'environment',
    command: python,
    args: [fixture('child.py'), shepherdFiles(), SPAWN_ARGUMENTS, 'environment', 'last'],
    env: { EXTRA: 'ü', TERRARIUM_SPAWN: 'cannot be overridden' },
  })
  const [said] = (await worker.report.setEncoding('utf8').take(1).toArray()) as string[]
  const tag = `${runtime.installation}:${runtime.runId}:${worker.spawnId}`
  // In a PID namespace of its own the shepherd is process 1.
  const shepherd = (await runtime.containment()).level === 'pidns' ? 1 : shepherdsOf(runtime).at(-1)
  expect(said).toContain(`'spawn_tag': '${tag}', 'host': '${shepherd}', 'extra': 'ü', 'sid': True`)
  expect(said).toContain(
    `'--terrarium-run', '${runtime.runId}', '--terrarium-spawn', '${worker.spawnId}', 'environment', 'last'`,
  )
  expect(runtime.runId).toMatch(/^[a-z0-9]{7}$/)
  expect(worker.spawnId).toMatch(/^\d+-[0-9a-f]{16}$/)
  expect(worker.identity).toEqual(readIdentity(worker.pid))
  expect(worker.identity.bootId).toBe(bootId())
  expect(runtime.census()).toEqual([worker.identity])
})

test('a process gets the environment that its host has when it starts', async () => {
  const runtime = await open()
  const said = async () => {
    const { stdout } = await runtime.spawn({
      name: 'environment',
      command: 'sh',
      args: ['-c', 'echo ${TERRARIUM_TEST-nothing}, $OWN'],
      env: { OWN: 'its own' },
    })
    return text(stdout)
  }
  onEnd(() => delete process.env['TERRARIUM_TEST'])
  expect(await said()).toBe('nothing, its own\n')
  for (const value of ['one', 'two', 'zwölf\n蛇']) {
    process.env['TERRARIUM_TEST'] = value
    expect(await said()).toBe(`${value.replace('\n', ' ')}, its own\n`)
  }
  delete process.env['TERRARIUM_TEST']
  expect(await Promise.all([said(), said()])).toEqual(['nothing, its own\n', 'nothing, its own\n'])
})

test('three rounds of start and stop leave no process', async () => {
  const stateDir = freshState()
  for (let round = 0; round < 3; round++) {
    const runtime = await open(stateDir)
    const workers = await Promise.all(['idle', 'busy', 'gil', 'stubborn'].map((mode) => start(runtime, mode)))
    expect(workers.map(({ said }) => said)).toEqual(['armed', 'armed', 'armed', 'armed'])
    expect(statSync(runtime.directory).mode & 0o777).toBe(0o700)
    expect(await runtime.close()).toEqual({ killed: 4, unreleased: 0, left: [] })
    expect(findTagged({ installation: runtime.installation })).toEqual([])
    expect(existsSync(runtime.directory)).toBe(false)
    expect(readdirSync(join(stateDir, 'runs'))).toEqual([])
  }
})

test('two seconds of normal work: the number of processes is constant, and nothing is reaped', async () => {
  const { lines, logger } = recordingLogger('trace')
  const stateDir = freshState()
  const runtime = await openRuntime({ python, stateDir, logger, reapInterval: 50 })
  onEnd(() => runtime.close())
  await runtime.swept
  const workers = await Promise.all([1, 2, 3].map(() => start(runtime, 'idle')))
  const before = runtime.census()
  expect(before.map(({ pid }) => pid).sort()).toEqual(workers.map(({ process }) => process.pid).sort())
  lines.length = 0
  const end = performance.now() + 2000
  await eventually(
    'two seconds have passed',
    () => {
      expect(runtime.census()).toEqual(before)
      return performance.now() > end
    },
    4000,
  )
  expect(lines).toEqual([])
  expect(await runtime.close()).toEqual({ killed: 3, unreleased: 0, left: [] })
})

test('a process of this run that no spawn accounts for is reported, not killed', async () => {
  const { lines, logger } = recordingLogger('warn')
  const runtime = await open(freshState(), logger)
  await runtime.swept
  const stranger = decoy('import time; print("up", flush=True); time.sleep(60)', [], {
    TERRARIUM_SPAWN: `${runtime.installation}:${runtime.runId}:99-0123456789abcdef`,
  })
  await once(stranger.stdout, 'data')
  const { process: worker } = await start(runtime, 'exit', '0')
  await worker.released
  expect(lines.join('')).toContain('no living spawn accounts for')
  const closed = await runtime.close()
  expect(closed).toMatchObject({ killed: 0, unreleased: 0, left: [{ pid: stranger.pid }] })
  expect(isAlive(stranger.pid ?? 0)).toBe(true)
})

testUnless(withoutTracing())(
  'a process that outlives SIGKILL keeps its reservation and is called unkillable',
  async () => {
    const { lines, logger } = recordingLogger('error')
    const stateDir = freshState()
    const runtime = await open(stateDir, logger)
    const { process: worker } = await start(runtime, 'idle')
    const tracer = decoy(readFileSync(fixture('trace.py'), 'utf8'), [String(worker.pid)])
    const [said] = (await once(tracer.stdout, 'data')) as [Buffer]
    expect(said.toString().trim()).toBe('traced')
    const shepherds = shepherdsOf(runtime)
    // The tracer never waits for the process, so the kernel does not report the exit to the parent, as for a process
    // that is stuck in the kernel.
    const closed = await runtime.close()
    expect(closed).toMatchObject({ killed: 0, unreleased: 1 })
    expect(lines.join('')).toContain('unkillable')
    const { reservations, damage } = await readLog(join(stateDir, 'runs', runtime.runId, 'log'))
    expect(damage).toEqual([])
    const stuck = { spawn: worker.spawnId, pid: worker.pid, state: 'unkillable' }
    expect(reservations).toMatchObject([{ name: 'shepherd' }, stuck])
    // The shepherd runs until it has reaped the process.
    expect(closed.left.map(({ pid }) => pid).sort()).toEqual(shepherds.sort())
    // The runtime no longer waits for the process.
    expect(await worker.exited).toMatchObject({ code: null, signal: null, requested: 'kill', unkillable: true })
    expect(runtime.unkillable()).toEqual([worker.identity])
    tracer.kill('SIGKILL')
    await eventually('it is gone, and the shepherd with it', () => ![worker.pid, ...shepherds].some(isAlive))
    await eventually('it is unkillable no longer', () => runtime.unkillable().length === 0)
  },
)

test.each([
  ['no such program', { command: '/nowhere/python', args: [] }, '/nowhere/python'],
  ['permission denied', { command: fixture('child.py'), args: [] }, fixture('child.py')],
  ['too long', { command: 'true', args: ['x'.repeat(4_000_000)] }, 'true'],
  ['no such folder', { command: 'true', args: [], cwd: '/nowhere' }, '/nowhere'],
  ['D1: it is a file, not a folder', { command: 'true', args: [], cwd: '/etc/passwd' }, '/etc/passwd'],
  ['D1: /etc/passwd is a file, not a folder', { command: 'true', args: [], cwd: '/etc/passwd/a/b' }, '/etc/passwd/a/b'],
])(
  'a spawn that can never work is a configuration error and releases its reservation: %s',
  async (why, request, path) => {
    const runtime = await open()
    const error: unknown = await runtime.spawn({ name: 'wrong', ...request }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'TerrariumError', code: 'CONFIGURATION' })
    expect((error as Error).message).toContain(why.replace(/^D1: /, ''))
    expect((error as Error).message).toContain(path)
    expect((error as TerrariumError).hint).not.toMatch(/Make the folder \/etc/)
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  },
)

test('arguments that the kernel cannot pass to a program are refused', async () => {
  const runtime = await open()
  await expect(runtime.spawn({ name: 'nul', command: 'true', args: ['a\0b'] })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
  await expect(
    runtime.spawn({ name: 'twice', command: 'true', args: [SPAWN_ARGUMENTS, SPAWN_ARGUMENTS] }),
  ).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

test('a closed runtime starts no process, and close() waits for starts under way', async () => {
  const runtime = await open()
  const late = Promise.all([1, 2, 3].map(() => runtime.spawn({ name: 'late', command: 'sleep', args: ['60'] })))
  const closing = runtime.close()
  await expect(runtime.spawn({ name: 'too late', command: 'true', args: [] })).rejects.toMatchObject({
    code: 'STOPPED',
  })
  expect((await late).map(({ pid }) => pid > 0)).toEqual([true, true, true])
  expect(await closing).toEqual({ killed: 3, unreleased: 0, left: [] })
})

test('a runtime is refused in a worker thread, on Windows, and without a real interpreter', async () => {
  const thread = new Worker(
    `import(${JSON.stringify(dist)}).then(({ openRuntime }) => openRuntime({ python: ${JSON.stringify(python)} }))
      .catch((error) => require('node:worker_threads').parentPort.postMessage(error.code + ' ' + error.message))`,
    { eval: true },
  )
  expect(await once(thread, 'message')).toEqual(['INVALID_ARGUMENT A runtime can only be opened in the main thread'])
  await thread.terminate()
  expect(() => processTable('win32')).toThrow('win32')
  await expect(openRuntime({ python: 'python3' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await expect(openRuntime({ python: '/nowhere/python3' })).rejects.toMatchObject({ code: 'CONFIGURATION' })
})

for (const [what, options, message] of [
  ['no /proc', ['-m', 'sh', '-c', 'umount -l /proc && exec "$@"'], 'There is no /proc'],
  ['the /proc of another PID namespace', ['-pf', '--kill-child', 'sh', '-c', 'exec "$@"'], '/proc belongs to another'],
] as const) {
  const title = `with ${what}, whose processes it would take for its own, nothing is begun`
  testUnless(withoutUnshare(...options))(title, () => {
    const stateDir = freshState()
    const script = `import { openRuntime } from ${JSON.stringify(dist)}
    await openRuntime(JSON.parse(process.argv[1])).catch(({ code, message, hint }) => console.log(code, message, hint))`
    const { stdout, stderr } = spawnSync(
      'unshare',
      [...options, 'sh', process.execPath, '--input-type=module', '-e', script, JSON.stringify({ python, stateDir })],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    expect(stdout).toMatch(new RegExp(`^CONFIGURATION ${message}.*mount -t proc proc /proc`))
    expect(readdirSync(stateDir)).toEqual([])
  })
}

const asUnknownUser = ['-U', '--map-user=54321', '--map-group=54321', 'env', '-u', 'HOME']

testUnless(withoutUserNamespaces())('D1: a user without an entry in the table of users can be a host', async () => {
  const child = spawn('unshare', [...asUnknownUser, process.execPath, ...hostArguments(freshState(), 'hold', 'idle')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const host = watchHost(child)
  const { children, installation } = await host.next()
  expect(children).toMatchObject([{ said: 'armed\n' }])
  child.kill('SIGKILL')
  await ended(child)
  await eventually('nothing is left', () => findTagged({ installation }).length === 0)
})

testUnless(withoutUserNamespaces())(
  'D1: for such a user without a state directory the hint says to set one, which helps',
  () => {
    const script = `import { openRuntime } from ${JSON.stringify(dist)}
    await openRuntime({ python: ${JSON.stringify(python)} }).then(
      async (runtime) => console.log(await runtime.close()),
      ({ code, message, hint }) => console.log(code, message, hint))`
    const run = (...env: string[]) =>
      spawnSync('unshare', [...asUnknownUser, ...env, process.execPath, '--input-type=module', '-e', script], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '' },
      })
    expect(run().stdout).toMatch(/^CONFIGURATION .*this user has no home directory .*Set TERRARIUM_STATE_DIR/)
    expect(run('HOME=').stdout).toMatch(/^CONFIGURATION .*this user has no home directory/)
    expect(run(`TERRARIUM_STATE_DIR=${freshState()}`).stdout).toContain('killed: 0, unreleased: 0, left: []')
    expect(run(`HOME=${freshState()}`).stdout).toContain('killed: 0, unreleased: 0, left: []')
  },
)

test('a state directory that cannot be used is one clear error', async () => {
  const file = join(freshState(), 'file')
  writeFileSync(file, '')
  const error: unknown = await openRuntime({ python, stateDir: join(file, 'state'), logger: silent }).catch(
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'CONFIGURATION' })
  expect((error as TerrariumError).hint).toContain('TERRARIUM_STATE_DIR')
  expect((error as Error).message).toContain(file)
})

testUnless(withoutMounts())('a full disk is one clear error', async () => {
  const stateDir = freshState()
  const script = 'mount -t tmpfs -o size=16k,mode=700 tmpfs "$1" && shift && exec "$@"'
  const command = [process.execPath, ...hostArguments(stateDir, 'sweep')]
  const host = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', stateDir, ...command], { stdio: 'pipe' })
  onEnd(() => host.kill('SIGKILL'))
  const complaint = await text(host.stderr)
  expect(complaint).toContain('CONFIGURATION')
  expect(complaint).toContain('the disk is full')
  expect(complaint).toContain('TERRARIUM_STATE_DIR')
})

test('the state directory is the option, or what the environment says, or below the home directory', () => {
  expect(resolveStateDir('/a', { TERRARIUM_STATE_DIR: '/b' })).toBe('/a')
  expect(resolveStateDir(undefined, { TERRARIUM_STATE_DIR: '/b', XDG_STATE_HOME: '/c' })).toBe('/b')
  expect(resolveStateDir(undefined, { XDG_STATE_HOME: '/c' })).toBe('/c/terrarium')
  expect(resolveStateDir(undefined, { XDG_STATE_HOME: 'relative' })).toMatch(/\/\.local\/state\/terrarium$/)
})

test('runtimes that open at the same time agree on one installation', async () => {
  const stateDir = freshState()
  const hosts = [1, 2, 3].map(() => startHost(stateDir, 'sweep'))
  const facts = await Promise.all(hosts.map((host) => host.next()))
  expect(new Set(facts.map(({ installation }) => installation)).size).toBe(1)
  expect(openInstallation(stateDir)).toBe(facts[0]?.installation)
  writeFileSync(join(stateDir, 'installation.json'), 'garbage')
  expect(() => openInstallation(stateDir)).toThrow('does not hold an installation id')
})

test('a socket in the runtime directory always fits into an address', async () => {
  const long = join(freshState(), 'x'.repeat(90))
  mkdirSync(long)
  const before = process.env['XDG_RUNTIME_DIR']
  process.env['XDG_RUNTIME_DIR'] = long
  onEnd(() => {
    process.env['XDG_RUNTIME_DIR'] = before
  })
  const { directory } = await open()
  expect(Buffer.byteLength(join(directory, 'host.sock'))).toBeLessThanOrEqual(107)
  expect(dirname(directory)).not.toBe(long)
})

test('D4: a temporary folder that cannot be written to is not used; the next candidate is', async () => {
  const before = { runtime: process.env['XDG_RUNTIME_DIR'], temporary: process.env['TMPDIR'] }
  onEnd(() => {
    process.env['XDG_RUNTIME_DIR'] = before.runtime
    if (before.temporary === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before.temporary
  })
  const stateDir = freshState()
  process.env['XDG_RUNTIME_DIR'] = '/proc'
  process.env['TMPDIR'] = '/proc'
  const { directory } = await open(stateDir)
  expect(dirname(directory)).toBe('/tmp')
  expect(existsSync(directory)).toBe(true)
  process.env['XDG_RUNTIME_DIR'] = before.runtime
  process.env['TMPDIR'] = '/proc'
  expect(dirname((await open(stateDir)).directory)).toBe(before.runtime)
})

test.each([
  ['ENOSPC', 'transient', /^Make room on the disk, or set TERRARIUM_STATE_DIR/],
  ['EDQUOT', 'transient', /^Make room on the disk/],
  ['EACCES', undefined, /^Set TERRARIUM_STATE_DIR/],
  ['EROFS', undefined, /^Set TERRARIUM_STATE_DIR/],
])(
  'a state directory that fails with %s is a configuration error; only passing errors are tried again',
  (code, kind, hint) => {
    const error = stateError('/state', Object.assign(new Error(code), { code })) as TerrariumError
    expect(error).toMatchObject({ code: 'CONFIGURATION', hint: expect.stringMatching(hint), details: { code } })
    expect((error as { supervision?: { class: string } }).supervision?.class).toBe(kind)
  },
)
