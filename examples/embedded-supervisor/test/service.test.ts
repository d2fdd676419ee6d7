import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { createApp, type App } from '../src/app.ts'
import { Dependency } from '../src/dependency.ts'
import { connectionIs } from '../src/play.ts'
import { openService } from '../src/service.ts'

const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A service on real sockets, and how to ask it. Afterwards nothing of it may be left. */
async function open(app: App) {
  const service = await openService(app)
  cleanUps.push(async () => {
    await service.close()
    expect(app.children.filter(({ ref }) => ref !== undefined)).toEqual([])
    await expect(fetch(service.url)).rejects.toThrow()
  })
  return async (method: 'GET' | 'POST', path: string) => {
    const response = await fetch(service.url + path, { method })
    return {
      status: response.status,
      retryAfter: Number(response.headers.get('retry-after')),
      body: await response.json(),
    }
  }
}

async function dependencyThatIsUp(): Promise<Dependency> {
  const dependency = new Dependency()
  await dependency.up()
  cleanUps.push(() => {
    dependency.down()
  })
  return dependency
}

test('the service starts without its dependency, refuses at once, and serves when the dependency is there', async () => {
  const dependency = await dependencyThatIsUp()
  dependency.down()
  const app = createApp(dependency.port, { openFor: 20 })
  const ask = await open(app)
  await connectionIs(app, 'parked')
  expect(await ask('GET', '/quote')).toMatchObject({ status: 503, retryAfter: 1 })
  await dependency.up()
  await connectionIs(app, 'running')
  expect(await ask('GET', '/quote')).toMatchObject({ status: 200, body: { price: 101 } })
})

test('a lost connection is replaced, and the cache is left alone', async () => {
  const dependency = await dependencyThatIsUp()
  const app = createApp(dependency.port)
  const ask = await open(app)
  await connectionIs(app, 'running')
  dependency.drop()
  await connectionIs(app, 'running', 2)
  expect(await ask('GET', '/quote')).toMatchObject({ status: 200 })
  expect(await ask('GET', '/health')).toEqual({
    status: 200,
    retryAfter: 0,
    body: [
      { id: 'cache', state: 'running', incarnation: 1 },
      { id: 'connection', state: 'running', incarnation: 2 },
    ],
  })
})

test('while the connection is parked: the latest quote, when to come again, and unparking', async () => {
  const dependency = await dependencyThatIsUp()
  const app = createApp(dependency.port, { openFor: 3_600_000 })
  const ask = await open(app)
  await connectionIs(app, 'running')
  const latest = (await ask('GET', '/quote')).body

  dependency.down()
  await connectionIs(app, 'parked')
  const { status, retryAfter, body } = await ask('GET', '/quote')
  expect({ status, body }).toEqual({ status: 503, body: { error: expect.stringContaining('parked'), latest } })
  expect(retryAfter).toBeGreaterThan(60)
  expect(retryAfter).toBeLessThanOrEqual(3_600)

  await dependency.up()
  expect(await ask('POST', '/unpark/connection')).toMatchObject({ status: 202 })
  await connectionIs(app, 'running')
  expect(await ask('GET', '/quote')).toMatchObject({ status: 200, body: { price: 102 } })
})

test('a request that waits for an answer when the connection is lost is refused', async () => {
  const hangsUp = createServer((socket) => socket.on('data', () => socket.destroy())).listen(0, '127.0.0.1')
  cleanUps.push(() => hangsUp.close())
  await once(hangsUp, 'listening')
  const app = createApp((hangsUp.address() as AddressInfo).port)
  const ask = await open(app)
  await connectionIs(app, 'running')
  expect(await ask('GET', '/quote')).toMatchObject({ status: 503 })
})

test.each([
  ['POST', '/unpark/cache', 409],
  ['POST', '/unpark/unknown', 409],
  ['GET', '/', 404],
] as const)('%s %s is answered with %i', async (method, path, status) => {
  const ask = await open(createApp((await dependencyThatIsUp()).port))
  expect(await ask(method, path)).toMatchObject({ status, body: { error: expect.any(String) } })
})
