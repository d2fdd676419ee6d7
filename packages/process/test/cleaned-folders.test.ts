import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { type Runtime } from '@terrarium/process'
import { readLog } from '../src/log/read-log.ts'
import { withoutTmpfiles } from '../../../test/support/systemd-tmpfiles.ts'
import { testUnless } from '../../../test/support/when.ts'
import { recordingLogger, silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { freshState, onEnd, open, shepherdsOf, start, type Started } from './support.ts'

// Cleaners remove the folders in which Terrarium keeps names.

const remove = (path: string): void => {
  rmSync(path, { recursive: true, force: true })
}

/** Resolves when the host has read the exit of one of its processes. */
async function killShepherd(runtime: Runtime, { process: one }: Started): Promise<void> {
  const pids = shepherdsOf(runtime)
  process.kill(pids.at(-1) ?? 0, 'SIGKILL')
  await one.released
  await eventually('the shepherd is gone', () => !pids.some(isAlive))
}

test('D2: the lifeline has no name that could be removed', async () => {
  const runtime = await open()
  await start(runtime, 'idle')
  expect(readdirSync(runtime.directory)).toEqual([])
})

test('D2: processes start, and die with their host, though the folder for sockets is removed at any time', async () => {
  const runtime = await open()
  const first = await start(runtime, 'idle')
  remove(runtime.directory)
  const second = await start(runtime, 'idle')
  expect(second.said).toBe('armed')
  // A new shepherd needs a name for a moment.
  await killShepherd(runtime, first)
  await second.process.released
  expect((await start(runtime, 'idle')).said).toBe('armed')
  expect(statSync(runtime.directory).mode & 0o777).toBe(0o700)
  expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
  expect(existsSync(runtime.directory)).toBe(false)
})

test('3, D2: a folder for sockets whose name another has taken is not used, and the hint helps', async () => {
  const runtime = await open()
  await killShepherd(runtime, await start(runtime, 'idle'))
  for (const take of [
    () => {
      symlinkSync('/tmp', runtime.directory)
    },
    () => {
      mkdirSync(runtime.directory)
      chmodSync(runtime.directory, 0o755) // whatever the umask is
    },
  ]) {
    remove(runtime.directory)
    take()
    expect(() => {
      runtime.ensureDirectory()
    }).toThrow('is not the private folder that was made there')
    await expect(start(runtime, 'idle')).rejects.toMatchObject({
      code: 'START_FAILED',
      hint: 'Start this program again: its next run makes a folder of its own.',
    })
  }
  // The hint says to do this.
  expect((await start(await open(runtime.stateDir), 'idle')).said).toBe('armed')
  rmSync(runtime.directory, { recursive: true })
  runtime.ensureDirectory()
  expect((await start(runtime, 'idle')).said).toBe('armed')
})

/** What may be removed of a run. */
const REMOVALS: Readonly<Record<string, (stateDir: string, run: string) => void>> = {
  'the folder of the run': (stateDir, run) => {
    remove(join(stateDir, 'runs', run))
  },
  'the folder of its log': (stateDir, run) => {
    remove(join(stateDir, 'runs', run, 'log'))
  },
  'the current file of its log': (stateDir, run) => {
    const log = join(stateDir, 'runs', run, 'log')
    for (const name of readdirSync(log)) if (name.endsWith('.log')) remove(join(log, name))
  },
  'the manifest of its log': (stateDir, run) => {
    const log = join(stateDir, 'runs', run, 'log')
    for (const name of readdirSync(log)) if (name.startsWith('MANIFEST')) remove(join(log, name))
  },
  'every file of the run': (stateDir, run) => {
    const folder = join(stateDir, 'runs', run)
    for (const name of readdirSync(join(folder, 'log'))) remove(join(folder, 'log', name))
    for (const name of readdirSync(folder)) if (name !== 'log') remove(join(folder, name))
  },
  'all runs': (stateDir) => {
    remove(join(stateDir, 'runs'))
  },
  'the state directory': (stateDir) => {
    remove(stateDir)
  },
}

test.each(Object.entries(REMOVALS))(
  'D2: each process is still reserved on disk before it starts, though another program removes %s',
  async (_, removeIt) => {
    const { lines, logger } = recordingLogger('warn')
    const stateDir = freshState()
    const runtime = await open(stateDir, logger)
    await runtime.swept
    const { process: before } = await start(runtime, 'idle')
    const { process: over } = await start(runtime, 'idle')
    removeIt(stateDir, runtime.runId)
    await over.kill()
    const log = join(stateDir, 'runs', runtime.runId, 'log')
    const copy = join(freshState(), 'log')
    const { process: after, said } = await start(runtime, 'idle')
    expect(said).toBe('armed')
    // A copy of the log, which no process has locked.
    spawnSync('cp', ['-r', log, copy])
    const reserved = (await readLog(copy)).reservations.map(({ spawn }) => spawn)
    expect(reserved).toEqual(expect.arrayContaining([before.spawnId, after.spawnId]))
    expect(lines.filter((line) => line.includes('is made again'))).toHaveLength(1)
    // The next runtime knows the run and its host.
    const next = await open(stateDir)
    expect(await next.swept).toEqual({ swept: [], killed: [], dropped: [], left: [] })
    expect(next.installation).toBe(runtime.installation)
    expect(await runtime.close()).toEqual({ killed: 2, unreleased: 0, left: [] })
    expect(existsSync(join(stateDir, 'runs', runtime.runId))).toBe(false)
  },
)

test('D2: while a folder cannot be made again starts fail with the reason, and succeed after the repair', async () => {
  const stateDir = freshState()
  const runtime = await open(stateDir)
  await runtime.swept
  await start(runtime, 'idle')
  renameSync(join(stateDir, 'runs'), join(stateDir, 'taken away'))
  writeFileSync(join(stateDir, 'runs'), '')
  await expect(start(runtime, 'idle')).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('a part of its path is not a folder') as unknown,
  })
  rmSync(join(stateDir, 'runs'))
  expect((await start(runtime, 'idle')).said).toBe('armed')
  expect(await runtime.close()).toEqual({ killed: 2, unreleased: 0, left: [] })
})

testUnless(await withoutTmpfiles())('D2: systemd-tmpfiles passes by what a run needs as long as it lives', async () => {
  const base = freshState()
  const before = process.env['XDG_RUNTIME_DIR']
  onEnd(() => {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR']
    else process.env['XDG_RUNTIME_DIR'] = before
  })
  // Names without spaces: its configuration has lines of words.
  const place = join(base, 'place')
  const stateDir = join(place, 'state')
  process.env['XDG_RUNTIME_DIR'] = place
  mkdirSync(place)
  const clean = (): void => {
    // With this age any file is too old.
    const line = `d "${place}" 0700 - - 0\n`
    const configuration = join(base, 'clean.conf')
    writeFileSync(configuration, line)
    const { status, stderr } = spawnSync('systemd-tmpfiles', ['--clean', configuration], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  }
  const runtime = await open(stateDir, silent)
  const first = await start(runtime, 'idle')
  const socket = join(runtime.directory, 'host.sock')
  const server = createServer().listen(socket)
  onEnd(() => server.close())
  mkdirSync(join(place, 'unlocked', 'deep'), { recursive: true })
  const kept = readdirSync(place, { recursive: true }).filter((path) => !String(path).startsWith('unlocked'))
  clean()
  expect(readdirSync(place, { recursive: true }).sort()).toEqual(kept.sort())

  // The lock is held after the death of a shepherd too, because the host shares it.
  await killShepherd(runtime, first)
  clean()
  expect(existsSync(socket)).toBe(true)
  expect((await start(runtime, 'idle')).said).toBe('armed')

  // A cleaner that ignores the lock: everything is made again.
  server.close()
  for (const name of readdirSync(place)) remove(join(place, name))
  expect((await start(runtime, 'idle')).said).toBe('armed')
  expect(await runtime.close()).toEqual({ killed: 2, unreleased: 0, left: [] })
  clean()
  expect(readdirSync(place)).toEqual([])
})
