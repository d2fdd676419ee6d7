import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { keep, openRuntime } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../../../test/support/terrarium.ts'

/** The global that holds the budget of this process, for all copies of the package. */
const KEY = Symbol.for('terrarium.startBudget.2')
const shared = globalThis as Record<symbol, unknown>
const own = shared[KEY]

afterEach(() => {
  shared[KEY] = own
})

interface Waiting {
  readonly owner: object
  readonly go: () => void
  readonly giveUp: () => void
}

/** Replaces the budget of this process by one under which a start begins only with `go()`. */
class Gate {
  readonly owners: object[] = []
  readonly #waiting: Waiting[] = []
  begun = 0
  over = 0

  constructor() {
    shared[KEY] = this
  }

  get waiting(): number {
    return this.#waiting.length
  }

  turn(owner: object, signal?: AbortSignal): Promise<{ started: () => void; finished: () => void }> {
    this.owners.push(owner)
    return new Promise((resolve, reject) => {
      const entry = {
        owner,
        go: () => {
          this.begun += 1
          resolve({ started: () => undefined, finished: () => (this.over += 1) })
        },
        giveUp: () => {
          this.#leave(entry)
          reject(new Error('given up'))
        },
      }
      signal?.addEventListener('abort', entry.giveUp)
      this.#waiting.push(entry)
    })
  }

  dismiss(owner: object): void {
    for (const entry of this.#waiting.filter((each) => each.owner === owner)) entry.giveUp()
  }

  go(count = Infinity): void {
    for (const entry of this.#waiting.slice(0, count)) {
      this.#leave(entry)
      entry.go()
    }
  }

  #leave(entry: Waiting): void {
    const at = this.#waiting.indexOf(entry)
    if (at !== -1) this.#waiting.splice(at, 1)
  }
}

test('D6: starts of pools and of kept programs wait for one budget, restarts too, and count until they are ready', async () => {
  const gate = new Gate()
  const home = habitat()
  const pools = ['a', 'b'].map((name) => createPool({ ...home.common, name, tools: TOOLS, size: 2 }))
  const starts = Promise.all(pools.map((pool) => pool.start()))
  const runtime = await openRuntime({ ...home.common })
  const kept = keep('sh', ['-c', 'echo up; exec sleep 60'], { runtime, ready: /^up$/, logger: home.logger })
  await eventually('all wait for their turn', () => gate.waiting === 5)
  expect(new Set(gate.owners).size).toBe(3)
  expect(home.workers()).toEqual([])
  gate.go()
  await Promise.all([starts, kept.whenReady()])
  await eventually('none counts any more', () => gate.over === 5)

  pools[0]?.kill('worker-1')
  await eventually('the restart waits for its turn', () => gate.waiting === 1)
  gate.go()
  await eventually('it is ready', () => gate.over === 6)
  for (const pool of pools) await pool.stop()
  await kept.stop()
  await runtime.close()
})

test('D6: the start time of a worker does not run while it waits for its turn', async () => {
  const gate = new Gate()
  const home = habitat()
  const clock = new VirtualClock()
  const pool = createPool({ ...home.common, name: 'a', tools: TOOLS, clock, startTimeout: 5_000 })
  const started = pool.start()
  await eventually('it waits for its turn', () => gate.waiting === 1)
  await clock.advance(60_000)
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0 })
  gate.go()
  await started
  expect(pool.stats).toMatchObject({ starts: 1, crashes: 0, ready: 1 })
  await pool.stop()
})

test('D6: stop() cancels waiting starts at once', async () => {
  const gate = new Gate()
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'a', tools: TOOLS, size: 8 })
  const started = expect(pool.start()).rejects.toMatchObject({ code: 'STOPPED' })
  await eventually('two have begun', () => {
    if (gate.begun < 2) gate.go(1)
    return gate.begun === 2 && gate.waiting === 6
  })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
  await started
  expect({ begun: gate.begun, waiting: gate.waiting }).toEqual({ begun: 2, waiting: 0 })
})

test('D6: a failed start no longer counts in the budget', async () => {
  const gate = new Gate()
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const tools = home.file('tools.py', 'import nosuch_module\n')
  const pool = createPool({ ...home.common, name: 'a', tools, size: 2 })
  const started = expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await eventually('both wait', () => gate.waiting === 2)
  gate.go()
  await started
  await eventually('both are over', () => gate.over === 2)
  const broken = createPool({ ...home.common, name: 'b', tools: TOOLS, cwd: `${home.directory}/absent` })
  const refused = expect(broken.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
  await eventually('it waits', () => gate.waiting === 1)
  gate.go()
  await refused
  expect(gate.over).toBe(3)
  await Promise.all([pool.stop(), broken.stop()])
})

test.each([
  ['before it runs anything', 'sitecustomize.py', /its interpreter had not come to the bootstrap/, /sitecustomize/],
  ['while it imports the tools', 'tools.py', /it was importing .*tools\.py$/, /Look at what .*tools\.py does when/],
])('D20: the error of a worker that hangs %s says where', async (_, file, message, hint) => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const begun = join(home.directory, 'begun')
  const hang = `import time\nopen(${JSON.stringify(begun)}, "w").close()\ntime.sleep(100)\n`
  const tools = home.file('tools.py', 'from terrarium import tool\n@tool\ndef t(): return 1\n')
  home.file(file, hang)
  const clock = new VirtualClock()
  const pool = createPool({
    ...home.common,
    name: 'a',
    tools,
    env: { PYTHONPATH: home.directory },
    clock,
    startTimeout: 5_000,
    breaker: { identical: 1 },
  })
  const started = expect(pool.start()).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  })
  await eventually('it hangs', () => existsSync(begun))
  await new Promise((resolve) => setTimeout(resolve, 500)) // what it has reported before is read
  await clock.advance(5_000)
  await started
  await pool.stop()
})
