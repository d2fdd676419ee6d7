// What readers ask: why an actor is as it is, what would follow from its failure, and what the program stands on.
import { expect, test } from '@jest/globals'
import type { Answer, Refusal } from '@terrarium/inspector/protocol'
import { VirtualClock } from '@terrarium/pool/testing'
import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback } from 'xstate'
import { habitat, MemoryReader, observing } from './support.ts'

async function stage() {
  const clock = new VirtualClock()
  const home = habitat()
  const logic = fromCallback(({ receive }) => {
    receive(() => {
      throw new Error('told to fail')
    })
  })
  const app = createSupervisor({
    id: 'app',
    strategy: 'rest_for_one',
    intensity: 1,
    period: 5_000,
    clock,
    onFault: () => undefined,
    children: ['db', 'api'].map((id) => ({ id, logic })),
  })
  const pool = home.testPool({ name: 'text', clock, tools: { one: () => 1 } })
  const observer = await observing([app, pool], { clock })
  const started = Promise.all([app.start(), pool.start()])
  await clock.advance(1)
  await started
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  let id = 0
  const ask = async (question: object): Promise<Answer | Refusal> => {
    connection.receive(JSON.stringify({ t: 'ask', id: (id += 1), ...question }))
    for (let turn = 0; turn < 50; turn += 1) {
      const found = reader.messages.find((message) => 'id' in message && message.t !== 'detail' && message.id === id)
      if (found !== undefined) return found as Answer | Refusal
      await new Promise(setImmediate)
    }
    throw new Error('there was no answer')
  }
  return { clock, home, app, pool, reader, ask }
}

test('the hello names the questions that are answered', async () => {
  const { reader } = await stage()
  expect(reader.last('hello').asks).toEqual(['explain', 'whatIf', 'system', 'sweeps'])
})

test('a child is explained as its supervisor explains it, and so is a worker', async () => {
  const { app, ask, home, pool, clock } = await stage()
  expect(await ask({ what: 'explain', actor: 'app/db' })).toEqual({
    t: 'answer',
    id: 1,
    explain: { sentence: app.explain('db').sentence, state: 'running', attempts: 0, ways: [] },
  })
  home.expect(/worker-1/)
  pool.faults.failStarts('worker-1', { times: 1_000 })
  pool.faults.crash('worker-1')
  await clock.advance(600)
  expect(await ask({ what: 'explain', actor: 'text/worker-1' })).toMatchObject({
    explain: { sentence: expect.stringContaining('worker-1'), ways: expect.arrayContaining(['reconfigure(spec)']) },
  })
})

test('what would follow is told with steps and budget, and nothing happens', async () => {
  const { app, ask } = await stage()
  const told = await ask({ what: 'whatIf', actor: 'app/db', error: 'the disk is full' })
  expect(told).toMatchObject({
    whatIf: {
      sentence: (await app.whatIf('db', new Error('the disk is full'))).sentence,
      budget: { before: 0, intensity: 1, period: 5_000 },
      left: 0,
    },
  })
  const { steps = [] } = (told as Answer).whatIf ?? {}
  expect(steps.map(([, what, id]) => `${what} ${id}`)).toEqual(
    expect.arrayContaining(['child.exit db', 'child.exit api', 'child.start db', 'child.start api']),
  )
  expect(app.children.map(({ incarnation }) => incarnation)).toEqual([1, 1])
})

test('a failure with a code is judged by it: a mistake of configuration parks at once', async () => {
  const { ask } = await stage()
  const question = { what: 'whatIf', actor: 'text/worker-1', error: 'No module named cv2' }
  expect(await ask({ ...question, code: 'CONFIGURATION', phase: 'start' })).toMatchObject({
    whatIf: { sentence: expect.stringMatching(/park/) },
  })
})

test('the system is told, and the ledger is empty without processes', async () => {
  const { ask } = await stage()
  const answer = await ask({ what: 'system' })
  const [program] = (answer as Answer).system ?? []
  expect(program?.facts).toContainEqual(['node', process.version])
  expect(await ask({ what: 'sweeps' })).toMatchObject({ sweeps: [] })
})

test.each([
  ['an actor that is not there', { what: 'explain', actor: 'app/nothing' }],
  ['a root, which has no supervisor', { what: 'explain', actor: 'app' }],
  ['no actor', { what: 'explain' }],
  ['no error', { what: 'whatIf', actor: 'app/db' }],
  ['an error that is too long', { what: 'whatIf', actor: 'app/db', error: 'x'.repeat(1_001) }],
  ['a code that is none', { what: 'whatIf', actor: 'app/db', error: '', code: 'constructor' }],
  ['an unknown phase', { what: 'whatIf', actor: 'app/db', error: '', phase: 'end' }],
  ['an unknown question', { what: 'why' }],
])('%s is refused', async (_, question) => {
  const { reader, ask } = await stage()
  await ask(question).catch(() => undefined)
  expect(reader.last('error')).toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(reader.of('error').every(({ hint }) => hint !== '')).toBe(true)
})
