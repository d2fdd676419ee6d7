import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from '@jest/globals'
import { fromWorkerThread } from '@terrarium/threads'
import { createActor } from 'xstate'
import { bench, errorOf, expectThreads, fixture, machine, snapshotOf, started, threads } from './support.ts'

const temporary = { restart: 'temporary' as const }

/** Sends an event to a thread. Resolves with the reason of its exit. */
async function endAfter(event: { readonly type: string }) {
  const it = await started([{ id: 'a', logic: machine({ name: 'payments' }), ...temporary }])
  it.ref('a').send(event)
  return it.exit('a')
}

test('an error keeps class, message, stack, code and cause; what cannot be cloned is left behind', async () => {
  const error = errorOf(await endAfter({ type: 'pay' }))
  expect(error).toBeInstanceOf(Error)
  expect({ ...(error as object), name: error.name, message: error.message }).toEqual({
    name: 'PaymentError',
    message: 'the card was refused',
    code: 'E_PAYMENT',
  })
  expect(error.stack).toMatch(/at .*pay.*fixtures\/machine\.mjs/)
  expect(error.cause).toMatchObject({ name: 'TypeError', message: 'no such card' })
})

test.each([
  ['throws from a timer', 'throwLater', { name: 'PaymentError', code: 'E_PAYMENT' }],
  ['does not handle a rejection', 'reject', { name: 'RangeError', message: 'rejected' }],
  ['calls process.exit()', 'leave', { code: 'WORKER_CRASHED', details: { thread: 'payments', exitCode: 3 } }],
])('a thread that %s has failed', async (_, type, expected) => {
  const before = threads()
  expect(errorOf(await endAfter({ type }))).toMatchObject(expected)
  await expectThreads(before)
})

test('a thread that needs more memory than it may have fails with OUT_OF_MEMORY, and its host goes on', async () => {
  const logic = machine({ name: 'hungry', resourceLimits: { maxOldGenerationSizeMb: 16 } })
  const it = await started([{ id: 'a', logic, ...temporary }])
  it.ref('a').send({ type: 'fill' })
  const error = errorOf(await it.exit('a'))
  expect(error).toMatchObject({ code: 'OUT_OF_MEMORY', details: { thread: 'hungry' } })
  expect(error.hint).toMatch(/maxOldGenerationSizeMb/)
})

test('a function that throws fails with its error', async () => {
  const logic = fromWorkerThread(fixture('work'))
  const it = await started([{ id: 'a', logic, input: { fails: true }, ...temporary }])
  expect(errorOf(await it.exit('a'))).toMatchObject({ name: 'RangeError', message: 'out of range' })
})

/** The address of a module that is not valid. */
function brokenModule(folder: string): URL {
  const path = join(folder, 'broken.mjs')
  writeFileSync(path, 'export const machine = = 1')
  return pathToFileURL(path)
}

test('a module that cannot be loaded is a configuration failure: started once, and parked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-threads-'))
  const before = threads()
  try {
    const modules = [fixture('absent'), fixture('imports-missing'), fixture('exposes-nothing'), brokenModule(folder)]
    const children = modules.map((module, index) => ({
      id: `child ${index}`,
      logic: fromWorkerThread(module),
      awaitReady: false,
    }))
    const it = await started(children)
    const seen = []
    for (const { id } of children) {
      if (it.app.children.find((each) => each.id === id)?.state !== 'parked') await it.next('child.parked', id)
      const { incarnation, failure } = it.app.children.find((each) => each.id === id) ?? {}
      seen.push([incarnation, failure?.class, failure?.phase, (failure?.error as { code?: unknown }).code])
    }
    expect(seen).toEqual(modules.map(() => [1, 'configuration', 'start', 'CONFIGURATION']))
    const messages = it.app.children.map(({ failure }) => (failure?.error as Error).message)
    expect(messages).toEqual([
      expect.stringContaining('absent.mjs'),
      expect.stringContaining('terrarium-does-not-exist'),
      expect.stringContaining('without exposing anything'),
      expect.stringMatching(/broken\.mjs.*Unexpected token/),
    ])
    await expectThreads(before)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a module that fails while it is loaded is judged by its own error', async () => {
  const it = await started([{ id: 'a', logic: fromWorkerThread(fixture('throws-at-load')), awaitReady: false }])
  await it.exit('a')
  const { failure } = it.app.children[0] ?? {}
  expect(failure).toMatchObject({
    class: 'transient',
    error: { code: 'START_FAILED', cause: { code: 'ECONNREFUSED' } },
  })
})

test('a module that exposes twice is refused', async () => {
  const it = bench([{ id: 'a', logic: fromWorkerThread(fixture('exposes-twice')), ...temporary, awaitReady: false }])
  await it.app.start()
  expect(errorOf(await it.exit('a'))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/already/),
  })
})

test('an input that cannot be cloned is refused before there is a thread', async () => {
  const before = threads()
  const it = bench([{ id: 'a', logic: machine(), input: { rows: [1, { save: () => undefined }] } as never }])
  await expect(it.app.start()).rejects.toMatchObject({
    cause: {
      code: 'INVALID_ARGUMENT',
      message: 'thread a: input.rows[1].save is a function, which cannot cross to another thread',
      hint: expect.stringMatching(/plain data/),
    },
  })
  expect(threads()).toBeLessThanOrEqual(before)
})

test('an event that cannot be cloned is refused and reported; the thread goes on', async () => {
  const faults: [string, unknown][] = []
  const onFault = (what: string, error: unknown): void => void faults.push([what, error])
  const it = await started([{ id: 'a', logic: machine({ onFault }) }])
  const other = createActor(machine())
  it.ref('a').send({ type: 'count', to: other })
  it.ref('a').send({ type: 'count' })
  await snapshotOf<{ context?: { count: number } }>(it.ref('a'), ({ context }) => context?.count === 1)
  expect(faults).toEqual([
    ['event count was not sent to thread a', expect.objectContaining({ code: 'INVALID_ARGUMENT' })],
  ])
  expect(String(faults[0]?.[1])).toMatch(/event count\.to is an actor ref/)
  expect(it.app.children[0]?.incarnation).toBe(1)
})

test.each([
  ['snapshot', { type: 'keepFunction' }, /snapshot\.context\.save is a function/],
  ['event to its parent', { type: 'tellFunction' }, /event told\.rows\[0\]\.save is a function/],
])('a thread whose %s cannot be cloned fails, and its error names the place', async (_, event, message) => {
  expect(errorOf(await endAfter(event))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/plain data/),
  })
})

test('a function whose output cannot be cloned fails, and its error names the place', async () => {
  const logic = fromWorkerThread(fixture('work'))
  const it = bench([{ id: 'a', logic, input: { gives: 'function' }, ...temporary, awaitReady: false }])
  await it.app.start()
  expect(errorOf(await it.exit('a')).message).toMatch(/output\.rows\[0\]\.save is a function/)
})

test.each<[string, () => unknown, RegExp]>([
  ['a relative path', () => fromWorkerThread('./machine.mjs'), /module must be a URL of a file, or an absolute path/],
  ['an address of the web', () => fromWorkerThread('https://example.com/x.mjs'), /module must be/],
  ['nothing', () => fromWorkerThread(undefined as never), /module is missing/],
  [
    'wrong options, all of them',
    () =>
      fromWorkerThread(fixture('machine'), {
        name: '',
        startTimeout: 0,
        resourceLimits: { maxOldGenerationSizeMb: -1 },
        env: { A: 1 },
        execArgv: 'x',
        unref: 1,
        onFault: 1,
        memory: 1,
      } as never),
    /memory is unknown.*name must be.*startTimeout must be.*onFault must be.*resourceLimits\.maxOldGenerationSizeMb must be.*env must be.*execArgv must be.*unref must be/,
  ],
])('%s is refused', (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }))
})
