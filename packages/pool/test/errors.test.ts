import { getEventListeners } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { isTerrariumError, type TerrariumError } from '@terrarium/supervisor/base'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { createPool, type CallOptions, type Pool, type PoolOptions } from '@terrarium/pool'
import { eventually, habitat, TOOLS, type Habitat } from '../../../test/support/terrarium.ts'

// The error of a call: which worker ran it, how long the call waited and ran, where it was made, and the hint.

async function started(home: Habitat, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = createPool({ ...home.common, name: 'p', tools: TOOLS, ...options })
  await pool.start()
  expect(pool.stats.ready).toBe(options.size ?? 1)
  return pool
}

const errorOf = async (call: Promise<unknown>): Promise<TerrariumError> => {
  const error: unknown = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  )
  if (!isTerrariumError(error)) throw error
  return error
}

/** The line of this file that holds the text. */
const THIS = fileURLToPath(import.meta.url)
const lineOf = (text: string): number =>
  readFileSync(THIS, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

test('details: the worker, its incarnation, the attempts, and how long the call waited and ran', async () => {
  const home = habitat()
  const clock = new VirtualClock()
  const pool = await started(home, { clock, maxDeaths: 2 })
  const [begun, go, second] = ['begun', 'go', 'second'].map((name) => join(home.directory, name)) as [string, string, string] // prettier-ignore
  const blocker = pool.call('touch_when', { begun, go })
  const late = errorOf(pool.call('touch_when', { begun: second, go: 'never' }, { timeout: 400 }))
  const waits = errorOf(pool.call('echo', {}, { timeout: 300 }))
  await eventually('the first one runs', () => existsSync(begun))
  await clock.advance(100)
  writeFileSync(go, '')
  await blocker
  await eventually('the second one runs', () => existsSync(second))
  await clock.advance(300)
  expect(await late).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    details: { tool: 'touch_when', worker: 'worker-1', incarnation: 1, attempts: 1, queueTime: 100, runTime: 300 },
  })
  const { code, details } = await waits
  expect({ code, details }).toEqual({
    code: 'QUEUE_TIMEOUT',
    details: { timeout: 300, tool: 'echo', attempts: 0, queueTime: 300, runTime: 0 },
  })

  await clock.advance(250) // the worker goes on with a call that is over, and is killed for it
  await eventually('another worker is ready', async () => {
    await clock.advance(1)
    return pool.stats.ready === 1
  })
  const python = await errorOf(pool.call('fail', { message: 'no' }))
  expect(python.details).toMatchObject({ tool: 'fail', worker: 'worker-1', incarnation: 2, attempts: 1 })
  const poison = errorOf(pool.call('die', {}, { idempotent: true }))
  await eventually('it has killed two workers', async () => {
    await clock.advance(50)
    return pool.stats.crashes === 3
  })
  expect(await poison).toMatchObject({
    code: 'POISON_CALL',
    details: { tool: 'die', worker: 'worker-1', incarnation: 3, attempts: 2, deaths: 2, code: 1 },
  })
  await pool.stop()
})

test('the stack has the hint and the line of the caller, also for more failing calls than places are kept for', async () => {
  const pool = await started(habitat(), { size: 1, concurrency: 64 })
  const here = async (): Promise<unknown> => {
    return await pool.call('ecko') // this line
  }
  const errors: TerrariumError[] = []
  // More failing calls than places are kept in a second, over several seconds.
  for (let round = 0; round < 3_000; round += 100) {
    errors.push(...(await Promise.all(Array.from({ length: 100 }, () => errorOf(here())))))
  }
  const line = `errors.test.ts:${lineOf('// this line')}:`
  expect(errors.filter(({ stack }) => stack?.includes(line) !== true)).toEqual([])
  const { stack, hint } = await errorOf(pool.call('echo', { value: Symbol('s') }))
  expect(hint).toEqual(expect.stringMatching(/\.$/))
  expect(stack).toContain(`\n  Hint: ${hint ?? ''}\n    at `)
  await pool.stop()
  const refused = await errorOf(pool.call('echo')) // the line of a refusal
  expect(refused).toMatchObject({ code: 'STOPPED', hint: 'Make a new pool with createPool().' })
  expect(refused.stack).toContain(`errors.test.ts:${lineOf('// the line of a refusal')}:`)
})

test('the stack of a failed start has the line of the caller, and the hint', async () => {
  const home = habitat()
  home.expectedErrors.push(/^parked: /)
  const pool = createPool({ ...home.common, name: 'p', tools: home.file('tools.py', 'import nosuch_module\n') })
  const error = await errorOf(pool.start()) // the line of a start
  expect(error).toMatchObject({ code: 'CONFIGURATION', details: { modules: ['nosuch_module'] } })
  expect(error.stack).toContain(`\n  Hint: ${error.hint ?? 'none'}\n    at `)
  expect(error.stack).toContain(`errors.test.ts:${lineOf('// the line of a start')}:`)
  await pool.stop()
})

test('attributes of a Python exception that can be sent are in the details, and others are not', async () => {
  const home = habitat()
  const source = `
from terrarium import tool

class Odd(Exception):
    def __init__(self, status, body, handle):
        super().__init__("odd")
        self.status, self.body, self.handle = status, body, handle

@tool
def odd():
    raise Odd(404, {"reason": ["a", 1]}, object())
`
  const pool = await started(home, { tools: home.file('odd.py', source) })
  const { code, details } = await errorOf(pool.call('odd'))
  expect({ code, attributes: details['attributes'] }).toEqual({
    code: 'PYTHON_ERROR',
    attributes: { status: 404, body: { reason: ['a', 1] } },
  })
  await pool.stop()
})

test('C6: one AbortSignal serves a thousand calls without a warning, and cancels the calls that are left', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const pool = await started(habitat(), { concurrency: 64 })
  const controller = new AbortController()
  const options: CallOptions = { signal: controller.signal }
  const calls = Array.from({ length: 1_000 }, (_, value) => pool.call('echo', { value }, options))
  expect(await Promise.all(calls)).toEqual(calls.map((_, value) => value))
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  const left = Array.from({ length: 1_000 }, () => errorOf(pool.call('sleep_async', { seconds: 60 }, options)))
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  controller.abort(new Error('enough'))
  for (const error of await Promise.all(left)) {
    expect(error).toMatchObject({ code: 'CANCELLED', cause: { message: 'enough' } })
  }
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  await pool.stop()
  process.off('warning', warned)
  expect(warnings).toEqual([])
})

test('C7: a context variable that a call sets is seen by no other call', async () => {
  const home = habitat()
  const source = `
from contextvars import ContextVar
from terrarium import tool

user = ContextVar("user", default="unknown")

@tool
def login(name: str) -> str:
    user.set(name)
    return user.get()

@tool
def who() -> str:
    return user.get()

@tool
async def who_async() -> str:
    return user.get()
`
  const pool = await started(home, { tools: home.file('context.py', source) })
  expect(await pool.call('login', { name: 'ada' })).toBe('ada')
  expect([await pool.call('who'), await pool.call('who_async')]).toEqual(['unknown', 'unknown'])
  await pool.stop()
})
