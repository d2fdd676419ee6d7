// A known way to be wrong: tests that pass although workers failed to start or crashed, because nothing in their body
// looks. Each test here has such a body, and fails by itself, as its habitat looks at its end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { createPool, poolOf } from '@terrarium/pool'
import { Habitat, habitats, testPoolLogic, VirtualClock, type TestPoolOptions } from '@terrarium/pool/testing'
import { ROOT, run } from '../../../../test/support/command.ts'
import { testPython, TOOLS } from '../../../../test/support/python.ts'

const tools: TestPoolOptions['tools'] = {
  echo: ({ value }: { value: unknown }) => value,
  die: (_: object, { exit }) => exit({ signal: 'SIGSEGV' }),
}

/** Runs the body of a test and then what its habitat has given to `afterEach`. Returns what that says. */
async function endOf(body: (home: Habitat) => Promise<unknown>): Promise<string[]> {
  const ends: (() => void | Promise<void>)[] = []
  const habitat = habitats(
    (end) => ends.push(end),
    () => new Habitat({ python: testPython() }),
  )
  await body(habitat())
  try {
    for (const end of ends) await end()
    return []
  } catch (error) {
    const lines = (error as Error).message.split('\n')
    return lines.filter((line) => line.startsWith('  - ')).map((line) => line.slice('  - '.length))
  }
}

test('a test whose workers lack a module fails, though its body swallows that', async () => {
  const wrong = await endOf(async (home) => {
    const text = home.file('text.py', 'import surely_absent\nfrom terrarium import tool\n@tool\ndef t(): return 1\n')
    await home
      .pool({ name: 'text', tools: text })
      .start()
      .catch(() => undefined)
  })
  expect(wrong).toEqual([expect.stringMatching(/^text\/worker-1: worker text\/worker-1 cannot start: .*surely_absent/)])
})

test('a test whose pool was not made by its habitat fails by the log of the habitat', async () => {
  const wrong = await endOf(async (home) => {
    const text = createPool({ ...home.options, name: 'text', tools: TOOLS })
    await text.start()
    await text.call('die').catch(() => undefined)
    await text.stop()
  })
  expect(wrong).toEqual([expect.stringMatching(/^logged: .*worker text\/worker-1 died: exit status 1/)])
})

test('a test whose worker crashes and is replaced before anything looks fails', async () => {
  const wrong = await endOf(async (home) => {
    const text = home.testPool({ name: 'text', tools, backoff: 'off' })
    await text.start()
    await text.call('die').catch(() => undefined)
    await text.call('echo', { value: 1 })
    await text.stop()
  })
  expect(wrong).toEqual(['text/worker-1: worker text/worker-1 died: signal SIGSEGV'])
})

test('a test without start(), or that does not await it, fails', async () => {
  const options = { name: 'text', tools, size: 2 }
  expect(
    await endOf((home) => {
      home.testPool(options)
      return Promise.resolve()
    }),
  ).toEqual(['text never became ready: it is idle'])
  const clock = new VirtualClock()
  expect(
    await endOf(async (home) => {
      const boot = ({ worker, sleep }: { worker: string; sleep: (ms: number) => Promise<void> }): unknown =>
        worker === 'worker-2' ? sleep(1_000) : undefined
      void home
        .testPool({ ...options, clock, boot })
        .start()
        .catch(() => undefined)
      await clock.advance(10)
    }),
  ).toEqual(['text/worker-2 never became ready'])
})

test('a test of an app with a nested pool whose worker crashes fails', async () => {
  const wrong = await endOf(async (home) => {
    const logic = testPoolLogic({ logger: home.logger, name: 'text', tools })
    const app = home.watch(createSupervisor({ id: 'app', children: [{ id: 'text', logic, type: 'supervisor' }] }))
    await app.start()
    await poolOf(app.child('text'))
      .call('die')
      .catch(() => undefined)
    await app.stop()
  })
  expect(wrong).toEqual(['app/text/workers/worker-1: worker text/worker-1 died: signal SIGSEGV'])
})

test('processes that are left fail a test, and a pool that was left running is stopped', async () => {
  let pids: number[] = []
  const stopped = await endOf(async (home) => {
    const text = home.pool({ name: 'text', tools: TOOLS })
    await text.start()
    pids = home.processes()
  })
  expect({ stopped, count: pids.length > 0 }).toEqual({ stopped: [], count: true })

  let stop = (): unknown => undefined
  const left = await endOf(async (home) => {
    const unwatched = createPool({ ...home.options, name: 'text', tools: TOOLS })
    await unwatched.start()
    stop = () => unwatched.stop()
  })
  await stop()
  expect(left).toEqual([expect.stringMatching(/^processes are left: \d+/)])
})

test('a test passes whose failures are expected, or made by faults of its own', async () => {
  const wrong = await endOf(async (home) => {
    home.expect(/died: signal SIGSEGV/)
    const text = home.testPool({ name: 'text', tools, backoff: 'off' })
    await text.start()
    await expect(text.call('die')).rejects.toMatchObject({ code: 'WORKER_CRASHED' })
    await text.call('echo', { value: 1 })
    text.faults.crash('worker-1')
    await text.call('echo', { value: 1 })
    text.kill('worker-1')
    await text.call('echo', { value: 1 })
    expect(text.stats.crashes).toBe(3)
    await text.stop()
  })
  expect(wrong).toEqual([])
})

const CARELESS = `
import { afterEach, test } from 'node:test'
import { habitats } from '@terrarium/pool/testing'

const habitat = habitats(afterEach)
const tools = { die: (_, { exit }) => exit(), echo: ({ value }) => value }

test('careless', async () => {
  const pool = habitat().testPool({ name: 'text', tools, backoff: 'off' })
  await pool.start()
  await pool.call('die').catch(() => undefined)
  await pool.stop()
})

test('careful', async () => {
  const home = habitat()
  home.expect(/died: exit status 1/)
  const pool = home.testPool({ name: 'text', tools, backoff: 'off' })
  await pool.start()
  await pool.call('die').catch(() => undefined)
  await pool.stop()
})
`

test('under node:test the careless test fails, and the next one is not touched by it', async () => {
  // Below test/ packages are found as in a project that uses them.
  const cwd = mkdtempSync(join(ROOT, 'test', 'dist', 'careless-'))
  try {
    writeFileSync(join(cwd, 'careless.mjs'), CARELESS)
    const args = ['--test', '--test-reporter=tap', 'careless.mjs']
    const { code, stdout } = await run(process.execPath, args, { cwd, env: { NODE_OPTIONS: '' } })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^not ok 1 - careless$/m)
    expect(stdout).toContain('text/worker-1: worker text/worker-1 died: exit status 1')
    expect(stdout).toMatch(/^ok 2 - careful$/m)
  } finally {
    rmSync(cwd, { recursive: true })
  }
})
