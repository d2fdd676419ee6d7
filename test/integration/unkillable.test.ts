import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, isAlive, stateOf, TOOLS } from '../support/terrarium.ts'
import { mountFreezable, testUnless, withoutFreezing } from '../support/when.ts'

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

testUnless(withoutFreezing())(
  'an unkillable worker is reported, its slot gets a successor, and its end is reported',
  async () => {
    const home = habitat()
    home.expectedErrors.push(/unkillable/)
    const folder = join(home.directory, 'frozen')
    mkdirSync(folder)
    expect(mountFreezable(join(home.directory, 'image'), folder)).toBe(true)
    let isFrozen = false
    const thaw = (): void => {
      if (isFrozen) isFrozen = !run('fsfreeze', '--unfreeze', folder)
    }
    const pool = createPool({ ...home.common, name: 'stuck', tools: TOOLS, size: 2 })
    try {
      await pool.start()
      isFrozen = run('fsfreeze', '--freeze', folder)
      expect(isFrozen).toBe(true)
      const pids = pool.workers.map(({ pid }) => pid ?? 0)
      const call = pool.call('touch', { path: join(folder, 'file') }, { timeout: 300 }).catch((error: unknown) => error)
      await eventually('a worker is in uninterruptible sleep', () => pids.some((pid) => stateOf(pid) === 'D'))
      const stuck = pids.find((pid) => stateOf(pid) === 'D') ?? 0
      expect(await call).toMatchObject({ code: 'DEADLINE_EXCEEDED' })

      await eventually('its place is filled', () => pool.stats.ready === 2 && pool.stats.starts === 3)
      expect(isAlive(stuck)).toBe(true)
      expect(pool.workers.map(({ pid }) => pid)).not.toContain(stuck)
      expect(home.log.filter(({ msg }) => /^unkillable/.test(msg))).toMatchObject([
        { level: 50, name: expect.stringMatching(/^stuck\/worker-/) },
      ])
      expect(await pool.call('echo', { value: 1 })).toBe(1)

      thaw()
      await eventually('it is gone', () => !isAlive(stuck))
      await eventually('the end is reported', () => home.log.some(({ msg }) => /^no longer unkillable/.test(msg)))
      expect(await pool.stop()).toEqual({ processesLeft: 0 })
    } finally {
      thaw()
      await pool.stop()
      run('umount', '--lazy', folder)
    }
  },
)
