// What readers are told, how often, and what becomes of readers that are slow, broken or send nonsense.
import { expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { fromCallback, type AnyEventObject } from 'xstate'
import { READERS } from '../src/publisher.ts'
import { MemoryReader, observing } from './support.ts'

const logic = fromCallback<AnyEventObject>(({ receive }) => {
  receive(() => {
    throw new Error('told to fail')
  })
})

async function stage() {
  const clock = new VirtualClock()
  const backoff = { first: 1_000, jitter: 'none' } as const
  const app = createSupervisor({ id: 'app', clock, backoff, onFault: () => undefined, children: [{ id: 'a', logic }] })
  const observer = await observing(app, { clock, onFault: () => undefined })
  await app.start()
  const fail = async (): Promise<void> => {
    app.child('a')?.send({ type: 'fail' })
    await clock.advance(0)
  }
  return { clock, app, observer, fail }
}

test('a reader is told hello, the whole picture, and then what changes, without a gap', async () => {
  const { clock, observer, fail, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader)
  expect(reader.messages.map(({ t }) => t)).toEqual(['hello', 'snap'])
  expect(reader.last('hello')).toMatchObject({ v: 1, source: 'terrarium', name: 'test', pid: process.pid, actions: [] })
  await clock.advance(1_000)
  expect(reader.of('d')).toEqual([]) // nothing has changed
  await fail()
  await clock.advance(100)
  const [delta] = reader.of('d')
  expect(delta).toMatchObject({
    seq: reader.last('snap').seq + 1,
    set: [['app/a', { value: 'backing_off', error: 'told to fail' }]],
    verdict: [{ level: 'warn', text: 'app/a is down until the next start: told to fail' }],
  })
  expect(delta?.events?.map(([, , , , type]) => type)).toEqual(['child.exit', 'child.backoff'])
  await clock.advance(60_000)
  const seqs = reader.of('d').map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index))
  expect(reader.of('d').at(-1)?.set).toMatchObject([['app/a', { value: 'running' }]])
  await app.stop()
})

test('many changes within 100 ms are one message', async () => {
  const { clock, observer, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader)
  for (let n = 0; n < 5; n += 1) {
    await app.terminateChild('a')
    await app.restartChild('a')
  }
  await clock.advance(100)
  expect(reader.of('d').length).toBe(1)
  expect(reader.of('d')[0]?.events?.length).toBe(15)
  await app.stop()
})

test('a slow reader is sent nothing until it has read, then the whole picture with the count of what it missed', async () => {
  const { clock, observer, fail, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader)
  reader.bytes = 2 ** 20 + 1
  await fail()
  await clock.advance(100)
  expect(reader.messages.length).toBe(2)
  const missed = observer.events.length - reader.last('snap').events.length
  expect(missed).toBeGreaterThan(0)
  reader.bytes = 0
  await clock.advance(100)
  expect(reader.of('snap').length).toBe(2)
  expect(reader.last('snap').left.events).toBe(missed)
  expect(reader.isClosed).toBe(false)
  await app.stop()
})

test('a reader that stays slow for 30 s is cut off, is told how many events it has missed, and that is an event', async () => {
  const { clock, observer, fail, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader)
  reader.bytes = 2 ** 20 + 1
  await fail()
  await clock.advance(31_000)
  expect(reader.isClosed).toBe(true)
  expect(observer.readers).toBe(0)
  const { missed = 0 } = reader.last('error')
  expect(reader.last('error')).toMatchObject({ code: 'TOO_SLOW' })
  expect(missed).toBeGreaterThan(0)
  expect(observer.events.find(({ type }) => type === 'reader.cut')?.facts).toEqual({ missed })
  await app.stop()
})

test('a port that throws is dropped, and changes nothing for others', async () => {
  const { clock, observer, fail, app } = await stage()
  observer.connect({
    send: () => {
      throw new Error('broken pipe')
    },
    buffered: () => {
      throw new Error('broken pipe')
    },
    close: () => {
      throw new Error('broken pipe')
    },
  })
  expect(observer.readers).toBe(0)
  const reader = new MemoryReader()
  observer.connect(reader)
  await fail()
  await clock.advance(100)
  expect(reader.of('d').length).toBe(1)
  await app.stop()
})

test('one reader too many is refused', async () => {
  const { observer, app } = await stage()
  for (let n = 0; n < READERS; n += 1) observer.connect(new MemoryReader())
  const reader = new MemoryReader()
  observer.connect(reader)
  expect(reader.messages).toMatchObject([{ t: 'error', code: 'TOO_MANY_READERS' }])
  expect(reader.isClosed).toBe(true)
  expect(observer.readers).toBe(READERS)
  await app.stop()
})

test.each([
  ['not JSON', '{'],
  ['no object', '[]'],
  ['null', 'null'],
  ['an unknown kind', '{"t":"drop"}'],
  ['a watch without a list', '{"t":"watch","ids":"a"}'],
  ['a watch of too many', JSON.stringify({ t: 'watch', ids: Array.from({ length: 9 }, () => 'a') })],
  ['a watch of what is no path', '{"t":"watch","ids":[{}]}'],
  ['since without a number', '{"t":"since"}'],
  ['too long', JSON.stringify({ t: 'watch', ids: [], more: 'x'.repeat(4_096) })],
])('%s is answered with INVALID_ARGUMENT', async (_, text) => {
  const { observer, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader).receive(text)
  expect(reader.messages.at(-1)).toMatchObject({ t: 'error', code: 'INVALID_ARGUMENT' })
  expect(reader.isClosed).toBe(false)
  await app.stop()
})

test('no message changes anything: act is refused', async () => {
  const { observer, app } = await stage()
  const reader = new MemoryReader()
  observer.connect(reader).receive('{"t":"act","id":1,"verb":"kill","i":"app/a"}')
  expect(reader.last('error')).toMatchObject({ code: 'READ_ONLY' })
  expect(app.children[0]?.incarnation).toBe(1)
  await app.stop()
})

test('since is answered with the whole picture, watch with details as they change', async () => {
  const { clock, observer, fail, app } = await stage()
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  connection.receive('{"t":"since","seq":0}')
  expect(reader.of('snap').length).toBe(2)
  connection.receive('{"t":"watch","ids":["app/a"]}')
  expect(reader.of('detail')).toMatchObject([{ id: 'app/a', output: [] }])
  await fail()
  await clock.advance(200)
  expect(reader.last('detail')).toMatchObject({ diagnosis: { code: 'ERROR', title: 'told to fail' } })
  expect(reader.of('detail').length).toBe(2)
  await app.stop()
})
