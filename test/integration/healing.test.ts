import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { EnvironmentWatch, keep, openRuntime, type KeepOptions } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, testPython, type Habitat } from '../support/terrarium.ts'

const TOOL = 'from terrarium import tool\n@tool\ndef t(): return 1\n'

/**
 * A pool that cannot start, and its repair. Healing proves that the change was seen: the virtual clock stays below the
 * 30 s after which a probe starts in any case.
 */
async function heals(home: Habitat, options: Partial<PoolOptions>, repair: () => void): Promise<void> {
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', TOOL), clock, ...options })
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await clock.advance(5_000)
  expect(pool.stats.starts).toBe(1) // nothing has changed, so nothing was started
  repair()
  await clock.advance(2_000)
  await eventually('it has healed', () => pool.status === 'running')
  expect(pool.stats.starts).toBe(2)
  expect(await pool.call('t')).toBe(1)
  await pool.stop()
}

test('D14: a pool heals when its missing working directory is made, with the folders above it', async () => {
  const home = habitat()
  const cwd = join(home.directory, 'a', 'b', 'c')
  await heals(home, { cwd }, () => mkdirSync(cwd, { recursive: true }))
})

test('D14: a pool heals when the missing folder of its tools is made', async () => {
  const home = habitat()
  const folder = join(home.directory, 'a', 'b')
  await heals(home, { tools: join(folder, 'tools.py') }, () => {
    mkdirSync(folder, { recursive: true })
    home.file('a/b/tools.py', TOOL)
  })
})

test.each([
  ['is edited in place', (home: Habitat) => void home.file('broken.py', TOOL)],
  [
    'is replaced by another file',
    (home: Habitat) => {
      renameSync(home.file('new.py', TOOL), join(home.directory, 'broken.py'))
    },
  ],
])('D14: a pool heals when its tool file with a wrong import %s', async (_, repair) => {
  const home = habitat()
  // The folder of this file is not the folder of any file that changes.
  await heals(home, { tools: home.file('broken.py', `import nosuch_module\n${TOOL}`) }, () => {
    repair(home)
  })
})

test('D14: a pool heals when a missing module appears in a missing folder on PYTHONPATH', async () => {
  const home = habitat()
  const folder = join(home.directory, 'lib')
  const options = { tools: home.file('needs.py', `import late_module\n${TOOL}`), env: { PYTHONPATH: folder } }
  await heals(home, options, () => {
    mkdirSync(folder)
    home.file('lib/late_module.py', '')
  })
})

test('D14: a pool heals when the last missing module appears while a try already fails for want of it', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const [missed, go] = [join(home.directory, 'missed'), join(home.directory, 'go')]
  const modules = join(home.directory, 'modules')
  mkdirSync(modules)
  const tools = home.file('tools.py', `import first_module\n${TOOL}`)
  const pool = createPool({ ...home.common, name: 'p', tools, clock, env: { PYTHONPATH: modules } })
  await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  home.file(
    'modules/first_module.py',
    `import os, time
try:
    import second_module
except ImportError:
    open(${JSON.stringify(missed)}, "w").close()
    while not os.path.exists(${JSON.stringify(go)}):
        time.sleep(0.01)
    raise
`,
  )
  await clock.advance(1_000)
  await eventually('the try misses the second module', () => existsSync(missed))
  home.file('modules/second_module.py', '')
  writeFileSync(go, '')
  await eventually('the try has failed', () => pool.stats.crashes === 2)
  await eventually('it has healed', async () => {
    await clock.advance(100)
    return pool.status === 'running' || clock.now() > 20_000
  })
  expect(pool.status).toBe('running')
  expect(clock.now()).toBeLessThan(20_000)
  expect(pool.stats.starts).toBe(3)
  await pool.stop()
})

test('D14: a pool heals when the dangling link to its tools is pointed elsewhere', async () => {
  const home = habitat()
  const link = join(home.directory, 'link.py')
  symlinkSync(join(home.directory, 'gone.py'), link)
  await heals(home, { tools: link }, () => {
    rmSync(link)
    symlinkSync(home.file('there.py', TOOL), link)
  })
})

test('D14: a pool heals when its deleted virtual environment is made again', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const venv = join(home.directory, 'venv')
  const make = (): void => {
    execFileSync(testPython(), ['-m', 'venv', '--without-pip', venv])
  }
  make()
  const clock = new VirtualClock()
  const options = { ...home.common, python: venv, clock, backoff: { first: 0, base: 1, jitter: 'none' } } as const
  const pool = createPool({ ...options, name: 'p', tools: home.file('tools.py', TOOL) })
  await pool.start()
  rmSync(venv, { recursive: true })
  pool.kill('worker-1')
  await eventually('it is parked', async () => {
    await clock.advance(1)
    return pool.status === 'parked'
  })
  await expect(pool.call('t')).rejects.toMatchObject({ code: 'PARKED', cause: { code: 'CONFIGURATION' } })
  const { starts } = pool.stats
  await clock.advance(5_000)
  expect(pool.stats.starts).toBe(starts)
  make()
  await clock.advance(2_000)
  await eventually('it has healed', () => pool.status === 'running')
  expect(await pool.call('t')).toBe(1)
  await pool.stop()
})

/** As `heals`, for a kept program, which is started again only after a change. */
async function keptHeals(command: string, home: Habitat, options: KeepOptions, repair: () => void): Promise<void> {
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const runtime = await openRuntime({ ...home.common })
  const program = keep(command, [], { name: 'program', runtime, ready: /^up$/, logger: home.logger, clock, ...options })
  let starts = 0
  program.on('child.start', () => (starts += 1))
  await expect(program.whenReady()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await clock.advance(100_000)
  expect({ starts, status: program.status }).toEqual({ starts: 1, status: 'parked' })
  repair()
  await clock.advance(2_000)
  await eventually('it has healed', () => program.status === 'running')
  await program.whenReady()
  expect(starts).toBe(2)
  await program.stop()
  await runtime.close()
}

const UP = '#!/bin/sh\necho up\nexec sleep 60\n'

test('D14: a kept program heals when its command appears on the PATH', async () => {
  const home = habitat()
  const folder = join(home.directory, 'bin')
  const env = { PATH: `${folder}:${process.env.PATH ?? ''}` }
  await keptHeals('only-terrarium-tests-have-this', home, { env }, () => {
    mkdirSync(folder)
    chmodSync(home.file('bin/only-terrarium-tests-have-this', UP), 0o755)
  })
})

test('D14: a kept program heals when it becomes executable', async () => {
  const home = habitat()
  const program = home.file('program', UP)
  chmodSync(program, 0o644)
  await keptHeals(program, home, {}, () => {
    chmodSync(program, 0o755)
  })
})

test('D14: a kept program heals when the missing interpreter of its script appears', async () => {
  const home = habitat()
  const interpreter = join(home.directory, 'interpreter')
  const program = home.file('program', `#!${interpreter}\n${UP}`)
  chmodSync(program, 0o755)
  await keptHeals(program, home, {}, () => {
    symlinkSync('/bin/sh', interpreter)
  })
})

test('D14: a kept program heals when the dangling link to it is pointed elsewhere', async () => {
  const home = habitat()
  const link = join(home.directory, 'link')
  symlinkSync(join(home.directory, 'gone'), link)
  await keptHeals(link, home, {}, () => {
    rmSync(link)
    const program = home.file('program', UP)
    chmodSync(program, 0o755)
    symlinkSync(program, link)
  })
})

test('D14: a kept program heals when its missing working directory is made', async () => {
  const home = habitat()
  const cwd = join(home.directory, 'a', 'b')
  const program = home.file('program', UP)
  chmodSync(program, 0o755)
  await keptHeals(program, home, { cwd }, () => mkdirSync(cwd, { recursive: true }))
})

test('D14: a kept program heals when a file above its state directory becomes a folder', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const clock = new VirtualClock()
  const stateDir = join(home.file('state', ''), 'below')
  const options = {
    python: testPython(),
    stateDir,
    logger: home.logger,
    clock,
    backoff: { first: 0, base: 1 },
  } as const
  const program = keep('sh', ['-c', 'echo up; exec sleep 60'], { ...options, ready: /^up$/ })
  await eventually('it is parked', async () => {
    await clock.advance(10)
    return program.status === 'parked'
  })
  rmSync(home.stateDir)
  await clock.advance(2_000)
  await program.whenReady()
  await program.stop()
})

test('the environment watch waits until a change has settled, and survives errors of its callback and of its paths', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const reported: unknown[] = []
  let changes = 0
  const watch = new EnvironmentWatch({
    clock,
    changed: () => {
      changes += 1
      throw new Error('boom')
    },
    onError: (error) => reported.push(error),
    probes: false,
  })
  const path = join(home.directory, 'file')
  watch.watch([path, 'no\0path', `${path}/below`])
  await clock.advance(10_000)
  expect(changes).toBe(0)
  for (let index = 0; index < 5; index += 1) {
    writeFileSync(path, 'x'.repeat(index))
    await clock.advance(500)
    expect(changes).toBe(0)
  }
  await clock.advance(500)
  expect([changes, reported]).toEqual([1, [new Error('boom')]])
  chmodSync(path, 0o600)
  await clock.advance(1_000)
  expect(changes).toBe(2)
  await clock.advance(10_000)
  expect(changes).toBe(2)
  watch.stop()
  expect(clock.pending).toBe(0)
})

test('a change during a try, which may have come too late for it, is tried again soon, and ever later if each try makes one', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const path = home.file('folder', '')
  let tries = 0
  let isWriting = true
  const watch: EnvironmentWatch = new EnvironmentWatch({
    clock,
    changed: () => {
      tries += 1
      if (isWriting) writeFileSync(path, 'x'.repeat(tries + 1))
      watch.watch([path]) // the try has failed
    },
    onError: () => undefined,
  })
  watch.watch([path])
  writeFileSync(path, 'x')
  await clock.advance(1_000)
  expect(tries).toBe(1)
  for (const [wait, count] of [
    [500, 1],
    [500, 2],
    [1_500, 2],
    [500, 3],
    [3_500, 3],
    [500, 4],
  ] as const) {
    await clock.advance(wait)
    expect(tries).toBe(count)
  }
  isWriting = false
  await clock.advance(8_000)
  expect(tries).toBe(5)
  await clock.advance(29_500)
  expect(tries).toBe(5)
  watch.stop()
  expect(clock.pending).toBe(0)
})
