// What readers may change: nothing without the option and its token, then only what the actor offers now, each time
// with a record of who has asked.
import { expect, jest, test } from '@jest/globals'
import { VirtualClock } from '@terrarium/pool/testing'
import { createSupervisor } from '@terrarium/supervisor'
import fc from 'fast-check'
import { fromCallback } from 'xstate'
import { habitat, MemoryReader, observing } from './support.ts'

async function stage(actions: boolean, onAction: (line: string) => void = () => undefined) {
  const clock = new VirtualClock()
  const home = habitat()
  const pool = home.testPool({ name: 'text', size: 2, clock, tools: { one: () => 1 } })
  const logic = fromCallback(() => undefined)
  const app = createSupervisor({ id: 'app', clock, children: [{ id: 'db', logic }] })
  const observer = await observing([pool, app], { clock, page: true, actions, onAction })
  const started = Promise.all([pool.start(), app.start()])
  await clock.advance(1)
  await started
  const reader = new MemoryReader()
  const connection = observer.connect(Object.assign(reader, { address: '127.0.0.1:50123' }))
  const token = new URLSearchParams(new URL(observer.actionsAddress ?? 'http://none/').hash.slice(1)).get('a') ?? ''
  const act = async (verb: string, actor: string, given = token): Promise<unknown> => {
    const before = reader.messages.length
    connection.receive(JSON.stringify({ t: 'act', id: 7, verb, actor, token: given }))
    await clock.advance(300)
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
    return reader.messages.slice(before).find(({ t }) => t === 'answer' || t === 'error')
  }
  const verbs = (actor: string): readonly string[] | undefined => {
    connection.receive(JSON.stringify({ t: 'watch', ids: [actor] }))
    return reader.last('detail').verbs
  }
  return { clock, home, pool, app, observer, reader, connection, token, act, verbs }
}

test('without the option there is no token, no verb is told, and every act is refused', async () => {
  const { observer, reader, act, verbs, pool } = await stage(false)
  expect(observer.actionsAddress).toBeUndefined()
  expect(reader.last('hello').actions).toEqual([])
  expect(verbs('text/worker-1')).toBeUndefined()
  expect(await act('kill', 'text/worker-1', 'a guess')).toMatchObject({ t: 'error', code: 'READ_ONLY' })
  expect(pool.stats.crashes).toBe(0)
})

test('the token for actions is another one, of 24 bytes', async () => {
  const { observer, token } = await stage(true)
  expect(Buffer.from(token, 'base64url')).toHaveLength(24)
  expect(observer.actionsAddress).toBe(`${observer.address ?? ''}&a=${token}`)
  expect(observer.address).not.toContain(token)
})

test.each([
  ['wrong by one character', (token: string) => `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`],
  ['cut', (token: string) => token.slice(0, -1)],
  ['longer', (token: string) => `${token}A`],
  ['empty', () => ''],
])('a token that is %s changes nothing, and leaves a record', async (_, change) => {
  const lines: string[] = []
  const { act, token, pool, observer } = await stage(true, (line) => lines.push(line))
  expect(await act('kill', 'text/worker-1', change(token))).toMatchObject({
    t: 'error',
    id: 7,
    message: 'the token for actions is wrong',
  })
  expect(pool.stats.crashes).toBe(0)
  expect(observer.events.filter(({ type }) => type === 'reader.act')).toEqual([])
  const text = 'kill was refused: 127.0.0.1:50123 has a wrong token for actions'
  expect(lines).toEqual([text])
  const facts = { verb: 'kill', by: '127.0.0.1:50123', attempts: 1 }
  expect(observer.events.at(-1)).toMatchObject({ type: 'reader.refused', actor: '', text, facts })
})

test('wrong tokens do not fill the ring: they are told once a second, with their number', async () => {
  const { connection, observer, act, clock } = await stage(true)
  const wrong = JSON.stringify({ t: 'act', id: 1, verb: 'kill', actor: 'text', token: 'a guess' })
  for (let guess = 0; guess < 5_000; guess += 1) connection.receive(wrong)
  const told = () => observer.events.flatMap((each) => (each.type === 'reader.refused' ? [each.facts.attempts] : []))
  expect(told()).toEqual([1])
  await clock.advance(1_000)
  await act('kill', 'text', 'a guess')
  expect(told()).toEqual([1, 5_000])
})

test('a worker that a reader has parked stays parked, and the verdict says by whom, until it is unparked', async () => {
  const { act, pool, reader, verbs, clock, app } = await stage(true)
  expect(await act('park', 'text/worker-1')).toEqual({ t: 'answer', id: 7, act: 'park' })
  expect(pool.workers).toMatchObject([{ state: 'parked' }, { state: 'ready' }])
  expect(reader.of('d').findLast(({ verdict }) => verdict !== undefined)?.verdict).toEqual([
    {
      level: 'warn',
      text: 'text/worker-1 is parked by hand: asked for by 127.0.0.1:50123',
      actor: 'text/worker-1',
    },
  ])
  pool.faults.heal()
  await clock.advance(3_600_000)
  expect(verbs('text/worker-1')).toEqual(['unpark'])
  expect(reader.last('detail').diagnosis).toMatchObject({
    code: 'PARKED',
    title: 'worker-1 is parked by hand: asked for by 127.0.0.1:50123',
    facts: [
      ['parked', 'by hand'],
      ['because', 'asked for by 127.0.0.1:50123'],
    ],
  })
  await act('unpark', 'text/worker-1')
  expect(pool.stats).toMatchObject({ ready: 2, crashes: 0 })
  await act('park', 'app/db')
  expect(app.children).toMatchObject([{ id: 'db', state: 'parked' }])
  expect(verbs('app/db')).toEqual(['unpark'])
  await act('unpark', 'app/db')
  expect(app.children).toMatchObject([{ id: 'db', state: 'running' }])
})

test('an action is carried out, and the events and the log say who has asked for what', async () => {
  const onAction = jest.fn<(line: string) => void>()
  const { home, act, pool, observer } = await stage(true, onAction)
  home.expect(/worker-1 was killed/)
  expect(await act('kill', 'text/worker-1')).toEqual({ t: 'answer', id: 7, act: 'kill' })
  expect(pool.stats.crashes).toBe(1)
  const [told] = observer.events.filter(({ type }) => type === 'reader.act')
  expect(told).toMatchObject({
    actor: 'text/worker-1',
    text: 'kill, asked for by 127.0.0.1:50123',
    facts: { verb: 'kill', by: '127.0.0.1:50123' },
  })
  expect(onAction.mock.calls).toEqual([['text/worker-1: kill, asked for by 127.0.0.1:50123']])
})

test('a log that throws changes nothing', async () => {
  const onFault = jest.spyOn(console, 'error').mockImplementation(() => undefined)
  const { home, act } = await stage(true, () => {
    throw new Error('the log is full')
  })
  home.expect(/worker-1 was killed/)
  expect(await act('kill', 'text/worker-1')).toMatchObject({ t: 'answer' })
  expect(onFault).toHaveBeenCalled()
  onFault.mockRestore()
})

test('each actor offers what makes sense now, and nothing else is carried out', async () => {
  const { home, pool, act, verbs, clock, app } = await stage(true)
  expect(verbs('text')).toEqual(['reload', 'drain', 'pause'])
  expect(verbs('text/worker-1')).toEqual(['kill', 'park'])
  expect(verbs('app/db')).toEqual(['restart', 'park'])
  expect(verbs('app')).toEqual([])
  expect(await act('restart', 'text/worker-1')).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'text/worker-1 does not offer restart now',
    hint: 'It offers kill, park.',
  })
  expect(await act('kill', 'nowhere')).toMatchObject({ code: 'INVALID_ARGUMENT' })
  await act('pause', 'text')
  expect(pool.paused).toBe(true)
  expect(verbs('text')).toEqual(['reload', 'drain', 'resume'])
  await act('resume', 'text')
  expect(pool.paused).toBe(false)
  await act('restart', 'app/db')
  expect(app.children[0]).toMatchObject({ state: 'running', incarnation: 2 })
  home.expect(/worker-1/)
  pool.faults.failStarts('worker-1', { times: 2 })
  pool.faults.crash('worker-1')
  await clock.advance(20)
  expect(verbs('text/worker-1')).toEqual(['restart', 'park'])
  pool.faults.heal()
  await act('restart', 'text/worker-1')
  expect(pool.stats.ready).toBe(2)
})

test('an action that fails says so to its reader, to the events and to the log', async () => {
  const onAction = jest.fn<(line: string) => void>()
  const { pool, act, observer } = await stage(true, onAction)
  pool.drain = () => Promise.reject(new Error('not today'))
  expect(await act('drain', 'text')).toMatchObject({ t: 'error', id: 7, message: 'not today' })
  expect(observer.events.at(-1)).toMatchObject({ type: 'reader.act', facts: { verb: 'drain', failed: 'not today' } })
  expect(onAction.mock.calls.at(-1)).toEqual(['text: drain, asked for by 127.0.0.1:50123, failed: not today'])
})

test('1,000 messages of any form, without the token, change nothing', async () => {
  const { connection, pool, app, observer } = await stage(true)
  const field = fc.oneof(
    fc.constantFrom('kill', 'restart', 'text/worker-1', 'app/db', 'act', 'ask', 'watch'),
    fc.jsonValue(),
  )
  const message = fc.record(
    { t: field, id: field, verb: field, actor: field, token: field, ids: field, what: field },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        message.map((each) => JSON.stringify(each)),
        fc.string(),
      ),
      (text) => {
        connection.receive(text)
      },
    ),
    { numRuns: 1_000 },
  )
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
  expect(pool.stats).toMatchObject({ crashes: 0, starts: 2 })
  expect(app.children[0]?.incarnation).toBe(1)
  expect(observer.events.filter(({ type }) => type === 'reader.act')).toEqual([])
})
