import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { SweepResult } from '@terrarium/process'
import { readLog } from '../src/log/read-log.ts'
import { openInstallation } from '../src/state-directory.ts'
import { testUnless, withoutUserNamespaces } from '../../../test/support/when.ts'
import { recordingLogger } from '../../../test/support/loggers.ts'
import { ended, freshState, hostArguments, onEnd, open, startHost, watchHost } from './support.ts'

/** Makes an entry at a path whose reader would wait, fail, or never end. */
type Make = (path: string) => void | Promise<void>

const ODD: Readonly<Record<string, Make>> = {
  'a FIFO': (path) => {
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
  },
  'a folder': (path) => {
    mkdirSync(path)
  },
  'a link to nowhere': (path) => {
    symlinkSync('/nowhere/at/all', path)
  },
  'a link to what never ends': (path) => {
    symlinkSync('/dev/zero', path)
  },
  'a link to itself': (path) => {
    symlinkSync(path, path)
  },
  'a huge file': (path) => {
    writeFileSync(path, '{')
    truncateSync(path, 2 ** 40)
  },
  'an empty file': (path) => {
    writeFileSync(path, '')
  },
  'a file of junk': (path) => {
    writeFileSync(path, Buffer.from([0xff, 0, 0x7b, 0xfe]))
  },
  'a file with the wrong JSON': (path) => {
    writeFileSync(path, 'null')
  },
  'a socket': async (path) => {
    const server = createServer().listen(path)
    onEnd(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
  },
}

const isRoot = process.getuid?.() === 0

/** The entries of ODD, and a device, which only root can make. */
const ODDER: Readonly<Record<string, Make>> = {
  ...ODD,
  'a device': (path) => {
    expect(spawnSync('mknod', [path, 'c', '1', '5']).status).toBe(0)
  },
}
const reasons: Readonly<Record<string, string | undefined>> = {
  'a device': isRoot ? undefined : 'only root makes devices',
}

/** A folder with a short path, because the path of a socket is limited. */
function runsOf(stateDir: string): string {
  openInstallation(stateDir)
  return join(stateDir, 'runs')
}

/** Opens a runtime, starts a process with it, and returns what the runtime has reported. It logs the same. */
async function reported(stateDir: string): Promise<SweepResult> {
  const { lines, logger } = recordingLogger('warn')
  const runtime = await open(stateDir, logger)
  const report = await runtime.swept
  expect(lines.map((line) => (JSON.parse(line) as { reason?: string }).reason)).toEqual(
    report.left.map(({ reason }) => reason),
  )
  const sleeping = await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
  expect(sleeping.pid).toBeGreaterThan(0)
  expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
  return report
}

describe('D11: in a folder of runs', () => {
  for (const [what, make] of Object.entries(ODDER)) {
    testUnless(reasons[what])(`${what} as owner.json is reported`, async () => {
      const stateDir = freshState()
      const run = join(runsOf(stateDir), 'abcdefg')
      mkdirSync(run)
      await make(join(run, 'owner.json'))
      const { left, swept } = await reported(stateDir)
      expect({ left, swept }).toMatchObject({ left: [{ reason: 'unreadable_owner', run: 'abcdefg' }], swept: [] })
      expect(left[0]?.detail).toContain('owner.json')
    })

    testUnless(reasons[what])(`${what} in place of a run is reported`, async () => {
      const stateDir = freshState()
      await make(join(runsOf(stateDir), 'abcdefg'))
      const { left, swept } = await reported(stateDir)
      const reason = what === 'a folder' ? 'unreadable_owner' : 'odd_entry'
      expect({ left, swept }).toMatchObject({ left: [{ reason, run: 'abcdefg' }], swept: [] })
    })

    testUnless(reasons[what])(`${what} in a log without an owner record is no log`, async () => {
      const stateDir = freshState()
      const run = join(runsOf(stateDir), 'abcdefg')
      mkdirSync(join(run, 'log'), { recursive: true })
      for (const name of ['CURRENT', '000003.log', 'MANIFEST-000002']) await make(join(run, 'log', name))
      await make(join(run, 'log.seq'))
      expect((await reported(stateDir)).left).toMatchObject([{ reason: 'unreadable_owner', run: 'abcdefg' }])
    })
  }

  test.each(['x', 'ABCDEFG', 'abcdefgh', '..x', '.hidden', 'a b\nc', 'ü', '-rf', 'x'.repeat(255)])(
    'an entry with the name %j is reported',
    async (name) => {
      const stateDir = freshState()
      const runs = runsOf(stateDir)
      mkdirSync(join(runs, name))
      expect((await reported(stateDir)).left).toMatchObject([{ reason: 'odd_entry', run: name }])
      expect(readdirSync(runs)).toEqual([name])
    },
  )

  testUnless(isRoot ? withoutUserNamespaces() : undefined)(
    'an entry that cannot be read or removed is reported, and the runtime starts all the same',
    async () => {
      const stateDir = freshState()
      const runs = runsOf(stateDir)
      mkdirSync(join(runs, 'abcdefg'))
      writeFileSync(join(runs, 'abcdefg', 'owner.json'), '{}', { mode: 0o000 })
      const [doomed, folder] = [join(runs, '.removed-abcdefg-00000000', 'locked'), join(runs, 'gfedcba')]
      mkdirSync(join(doomed, 'in'), { recursive: true })
      mkdirSync(folder)
      for (const locked of [doomed, folder]) chmodSync(locked, 0o000)
      onEnd(() => {
        for (const locked of [doomed, folder]) chmodSync(locked, 0o700)
      })
      // Root may read everything, unless it is the root of a user namespace.
      const another = isRoot ? ['unshare', '-U', '--map-user=54321', '--map-group=54321'] : ['env']
      const [command = '', ...args] = [...another, process.execPath, ...hostArguments(stateDir, 'sweep')]
      const host = watchHost(spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] }))
      const { swept, closed } = await host.next()
      await ended(host.child)
      const { left } = swept as SweepResult
      expect(left.map(({ reason, run }) => [reason, run]).sort()).toEqual([
        ['odd_entry', '.removed-abcdefg-00000000'],
        ['unreadable_owner', 'abcdefg'],
        ['unreadable_owner', 'gfedcba'],
      ])
      expect(closed).toEqual({ killed: 0, unreleased: 0, left: [] })
    },
  )
})

/** The folder of a run that has died. */
async function deadRun(stateDir: string): Promise<string> {
  const host = startHost(stateDir, 'hold', 'idle')
  const { run } = await host.next()
  host.child.kill('SIGKILL')
  await ended(host.child)
  return join(stateDir, 'runs', run)
}

test.each(Object.entries(ODD))('D11: a dead run whose log holds %s is swept', async (_, make) => {
  const stateDir = freshState()
  const run = await deadRun(stateDir)
  await make(join(run, 'log', '000099.log'))
  await make(join(run, 'log', 'odd'))
  const log = join(run, 'log')
  expect((await readLog(log)).reservations.length).toBeGreaterThanOrEqual(0)
  const { swept } = await reported(stateDir)
  expect(swept).toEqual([expect.stringMatching(/^[a-z0-9]{7}$/)])
  expect(existsSync(run)).toBe(false)
})

test.each(Object.entries(ODD))(
  'D11: a dead run with %s for a note of its control groups is swept',
  async (what, make) => {
    const stateDir = freshState()
    const run = await deadRun(stateDir)
    for (const name of ['cgroups', 'held', 'log.seq']) {
      rmSync(join(run, name), { force: true })
      await make(join(run, name))
    }
    const { swept, left } = await reported(stateDir)
    expect(swept).toHaveLength(1)
    const isFile = /file/.test(what) && what !== 'a huge file'
    expect(left.filter(({ reason }) => reason === 'odd_entry')).toHaveLength(isFile ? 0 : 1)
  },
)

test('D11: a note of control groups that names other folders changes nothing in them', async () => {
  const stateDir = freshState()
  const run = await deadRun(stateDir)
  const installation = openInstallation(stateDir)
  const folder = join(stateDir, `terrarium-${installation}-${run.slice(-7)}-1`)
  mkdirSync(folder)
  expect(spawnSync('mkfifo', [join(folder, 'cgroup.kill')]).status).toBe(0)
  writeFileSync(join(run, 'cgroups'), `${folder}\n/nowhere\n\0\n`)
  expect((await reported(stateDir)).swept).toHaveLength(1)
  expect(readdirSync(folder)).toEqual(['cgroup.kill'])
})

test.each(Object.entries(ODD))('D11: %s for the id of the installation is one clear error', async (_, make) => {
  const stateDir = freshState()
  await make(join(stateDir, 'installation.json'))
  expect(() => openInstallation(stateDir)).toThrow(
    expect.objectContaining({
      code: expect.stringMatching(/LOG_DAMAGED|CONFIGURATION/) as unknown,
      message: expect.stringContaining(stateDir) as unknown,
    }),
  )
})

test.each(Object.entries(ODD).filter(([what]) => what !== 'a folder'))(
  'D11: %s for the folder of runs is one clear error',
  async (_, make) => {
    const stateDir = freshState()
    await make(join(stateDir, 'runs'))
    expect(() => openInstallation(stateDir)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  },
)
