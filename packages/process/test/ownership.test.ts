import { chmodSync, lchownSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { openRuntime } from '@terrarium/process'
import type { TerrariumError } from '@terrarium/supervisor/base'
import { findUnsafe } from '../src/ownership.ts'
import { openInstallation } from '../src/state-directory.ts'
import { testUnless } from '../../../test/support/when.ts'
import { silent } from '../../../test/support/loggers.ts'
import { freshState, onEnd, open, python } from './support.ts'

const asRoot = process.getuid?.() === 0 ? undefined : 'only root can give a folder to another user'
const STRANGER = 54321

interface Place {
  /** The folder of the state directory. */
  readonly parent: string
  readonly stateDir: string
}

function place(): Place {
  const parent = join(freshState(), 'it is mine')
  mkdirSync(parent, { mode: 0o700 })
  return { parent, stateDir: join(parent, 'state') }
}

const refusal = async (stateDir: string): Promise<TerrariumError> =>
  (await openRuntime({ python, stateDir, logger: silent }).then(
    async (runtime) => {
      await runtime.close()
      throw new Error(`${stateDir} was used`)
    },
    (reason: unknown) => reason,
  )) as TerrariumError

/** Asserts that a state directory is refused for a folder, and is used once the command that the hint gives was run. */
async function heals(stateDir: string, why: RegExp): Promise<void> {
  const error = await refusal(stateDir)
  expect({ code: error.code, message: error.message }).toEqual({
    code: 'CONFIGURATION',
    message: expect.stringMatching(why) as unknown,
  })
  const command = /^Run `(.+)`, or set TERRARIUM_STATE_DIR/.exec(error.hint ?? '')?.[1] ?? ''
  expect(spawnSync('sh', ['-c', command])).toMatchObject({ status: 0 })
  await (await open(stateDir)).close()
}

describe('D10: a state directory that another user may change is refused, with the command that helps', () => {
  test.each([0o777, 0o770, 0o707, 0o775, 0o702, 0o1777])('mode %o', async (mode) => {
    const { stateDir } = place()
    mkdirSync(stateDir)
    chmodSync(stateDir, mode)
    await heals(stateDir, /is not safe: (every user|group \d+) may write to .*it is mine\/state$/)
  })

  test('the folder of runs may be written to by others', async () => {
    const { stateDir } = place()
    openInstallation(stateDir)
    chmodSync(join(stateDir, 'runs'), 0o777)
    await heals(stateDir, /every user may write to .*\/state\/runs$/)
  })

  test('a folder above it may be written to by others, and is not sticky', async () => {
    const { parent, stateDir } = place()
    chmodSync(parent, 0o777)
    await heals(stateDir, /every user may write to .*it is mine$/)
    expect(findUnsafe(stateDir)).toBeUndefined()
  })

  testUnless(asRoot)('another user’s', async () => {
    const { stateDir } = place()
    mkdirSync(stateDir)
    lchownSync(stateDir, STRANGER, STRANGER)
    await heals(stateDir, /it is mine\/state belongs to user 54321$/)
  })

  testUnless(asRoot)('below another user’s folder', async () => {
    const { parent, stateDir } = place()
    lchownSync(parent, STRANGER, STRANGER)
    await heals(stateDir, /it is mine belongs to user 54321$/)
  })

  testUnless(asRoot)('behind another user’s link', async () => {
    const { parent, stateDir } = place()
    const link = join(parent, 'link')
    symlinkSync(stateDir, link)
    mkdirSync(stateDir, { mode: 0o700 })
    lchownSync(link, STRANGER, STRANGER)
    await heals(link, /the link .*it is mine\/link belongs to user 54321$/)
  })

  testUnless(asRoot)('a folder above it may be written to by a group', async () => {
    const { parent, stateDir } = place()
    lchownSync(parent, 0, STRANGER)
    chmodSync(parent, 0o775)
    await heals(stateDir, /group 54321 may write to .*it is mine$/)
  })
})

test('D10: safe folders are used: a sticky folder above, one of the group of root, links of one’s own', () => {
  const { parent, stateDir } = place()
  symlinkSync('state', join(parent, 'relative'))
  symlinkSync(parent, `${parent} too`)
  expect(findUnsafe(join(`${parent} too`, 'relative', 'not there yet'))).toBeUndefined()
  chmodSync(parent, 0o1777)
  expect(findUnsafe(stateDir)).toBeUndefined()
  if (statSync(parent).gid === 0) {
    chmodSync(parent, 0o775)
    expect(findUnsafe(stateDir)).toBeUndefined()
  }
})

test('D10: links in a circle are refused with the error of the system', async () => {
  const { parent } = place()
  symlinkSync('two', join(parent, 'one'))
  symlinkSync('one', join(parent, 'two'))
  expect(findUnsafe(join(parent, 'one'))).toBeUndefined()
  expect(await refusal(join(parent, 'one'))).toMatchObject({ code: 'CONFIGURATION' })
})

test.each([0o000, 0o022, 0o077, 0o277])('D10: with umask %o all that is made is private and usable', async (umask) => {
  const { stateDir } = place()
  const before = process.umask(umask)
  try {
    const runtime = await open(join(stateDir, 'deep', 'down'))
    const made = [stateDir, join(stateDir, 'deep'), runtime.stateDir, join(runtime.stateDir, 'runs'), runtime.directory]
    made.push(join(runtime.stateDir, 'runs', runtime.runId), join(runtime.stateDir, 'runs', runtime.runId, 'log'))
    expect(made.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(made.map(() => '700'))
    const sleeping = await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
    expect(sleeping.pid).toBeGreaterThan(0)
    expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
  } finally {
    process.umask(before)
  }
})

test('D10: sockets are put into a folder that no other user may change', async () => {
  const { parent } = place()
  const before = process.env['XDG_RUNTIME_DIR']
  onEnd(() => {
    process.env['XDG_RUNTIME_DIR'] = before
  })
  process.env['XDG_RUNTIME_DIR'] = parent
  const private_ = await open()
  expect(private_.directory).toContain(parent)
  chmodSync(parent, 0o777)
  const elsewhere = await open()
  expect(elsewhere.directory).not.toContain(parent)
})
