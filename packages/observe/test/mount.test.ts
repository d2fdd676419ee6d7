// The page and the health of an observer in servers of the user's own: each row of the table of who may read it, in
// each kind of server.
import { createServer, request as ask, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { mount, observe, type Mounted, type Observer } from '@terrarium/observe'
import { createSupervisor } from '@terrarium/supervisor'
import express from 'express'
import fastify from 'fastify'
import { WebSocket } from 'ws'
import { habitat, observing } from './support.ts'

const ORIGIN = 'https://ops.example'
const TOKEN = 'a-token-of-the-configuration-0123'
const RIGHT = ['terrarium.v1', `auth.${TOKEN}`]

/** Makes a server that answers everything else with `own`. */
type Serve = (mounted: Mounted) => Promise<{ readonly server: Server; readonly close: () => Promise<unknown> }>

const closing = (server: Server) => () => new Promise((resolve) => server.close(resolve))
const listening = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

const SERVERS: Readonly<Record<string, Serve>> = {
  http: async (mounted) => {
    const server = createServer((request, response) => {
      if (!mounted.request(request, response)) response.end('own')
    })
    await listening(server)
    return { server, close: closing(server) }
  },
  Express: async (mounted) => {
    const app = express()
    app.use((request, response, next) => {
      if (!mounted.request(request, response)) next()
    })
    app.use((_, response) => void response.send('own'))
    const server = createServer(app)
    await listening(server)
    return { server, close: closing(server) }
  },
  'Express, below a path': async (mounted) => {
    const app = express()
    app.use('/terrarium', (request, response, next) => {
      if (!mounted.request(request, response)) next()
    })
    app.use((_, response) => void response.send('own'))
    const server = createServer(app)
    await listening(server)
    return { server, close: closing(server) }
  },
  Fastify: async (mounted) => {
    const app = fastify()
    app.addHook('onRequest', (request, reply, done) => {
      if (mounted.request(request.raw, reply.raw)) reply.hijack()
      else done()
    })
    app.get('/*', () => 'own')
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { server: app.server, close: () => app.close() }
  },
}

describe.each(Object.keys(SERVERS))('in a server of %s', (kind) => {
  let observer: Observer
  let mounted: Mounted
  let server: Server
  let close: () => Promise<unknown>
  let port = 0

  beforeAll(async () => {
    const app = createSupervisor({ id: 'app', children: [] })
    observer = await observe(app, { socket: false })
    mounted = await mount(observer, { origins: [ORIGIN, 'http://localhost:8080'], token: TOKEN })
    const serve = SERVERS[kind] as Serve
    ;({ server, close } = await serve(mounted))
    server.on('upgrade', (request, socket, head) => {
      if (!mounted.upgrade(request, socket, head)) socket.destroy()
    })
    port = (server.address() as AddressInfo).port
  })

  afterAll(async () => {
    mounted.close()
    await observer.stop()
    await close()
  })

  const get = (path: string, host = 'ops.example', method = 'GET') =>
    new Promise<{ status: number; body: string; headers: IncomingHttpHeaders }>((resolve, reject) => {
      const sent = ask({ host: '127.0.0.1', port, method, path, headers: { Host: host }, agent: false }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers })
        })
      })
      sent.on('error', reject).end()
    })

  test('the addresses have the token in their fragment', () => {
    expect(mounted.addresses).toEqual([
      `${ORIGIN}/terrarium/#t=${TOKEN}`,
      `http://localhost:8080/terrarium/#t=${TOKEN}`,
    ])
  })

  test.each([
    ['the page', '/terrarium/', 'ops.example', 'GET', 200],
    ['the page, with a query', '/terrarium/?a=1', 'ops.example', 'GET', 200],
    ['the page as another of its origins', '/terrarium/', 'localhost:8080', 'GET', 200],
    ['another site that leads here by DNS', '/terrarium/', 'evil.example', 'GET', 403],
    ['the address of the machine', '/terrarium/', '127.0.0.1', 'GET', 403],
    ['a subdomain', '/terrarium/', 'evil.ops.example', 'GET', 403],
    ['another port', '/terrarium/', 'ops.example:81', 'GET', 403],
    ['POST', '/terrarium/', 'ops.example', 'POST', 405],
    ['OPTIONS, as a browser asks before', '/terrarium/', 'ops.example', 'OPTIONS', 405],
  ])('request: %s', async (_, path, host, method, status) => {
    const { headers, body, status: answered } = await get(path, host, method)
    expect(answered).toBe(status)
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'/) as unknown,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(headers).not.toHaveProperty('access-control-allow-origin')
    expect(body).not.toContain(TOKEN)
    expect(body.includes('<html')).toBe(status === 200)
  })

  test("what is not the page's is the server's own", async () => {
    for (const path of ['/', '/terrarium/other', '/terrarium/ws']) {
      expect(await get(path)).toMatchObject({ status: 200, body: 'own' })
    }
  })

  /** The status of an upgrade; 0 when the server ends the connection without any. */
  const upgrade = (lines: { origin?: string; host?: string; path?: string; protocols?: readonly string[] }) =>
    new Promise<number>((resolve) => {
      const { origin, host = 'ops.example', path = '/terrarium/ws', protocols = RIGHT } = lines
      const socket = connect(port, '127.0.0.1', () => {
        const head = [
          `GET ${path} HTTP/1.1`,
          `Host: ${host}`,
          ...(origin === undefined ? [] : [`Origin: ${origin}`]),
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          ...(protocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`]),
        ]
        socket.write(`${head.join('\r\n')}\r\n\r\n`)
      })
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        text += data.toString('latin1')
        socket.destroy()
      })
      socket.on('close', () => {
        resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0))
      })
    })

  test.each([
    ['own origin and token', { origin: ORIGIN }, 101],
    ['another of its origins', { origin: 'http://localhost:8080', host: 'localhost:8080' }, 101],
    ['no token', { origin: ORIGIN, protocols: ['terrarium.v1'] }, 403],
    ['no subprotocol', { origin: ORIGIN, protocols: [] }, 403],
    ['a wrong token', { origin: ORIGIN, protocols: ['terrarium.v1', `auth.${TOKEN.slice(0, -1)}4`] }, 403],
    ['a longer token', { origin: ORIGIN, protocols: ['terrarium.v1', `auth.${TOKEN}x`] }, 403],
    ['another site with the token', { origin: 'https://evil.example' }, 403],
    ['the same site without TLS', { origin: 'http://ops.example' }, 403],
    ['an origin of its own under another host', { origin: ORIGIN, host: 'localhost:8080' }, 403],
    ['another host with its own origin', { origin: 'https://evil.example', host: 'evil.example' }, 403],
    ['an opaque origin, as a file has', { origin: 'null' }, 403],
    ['no origin', {}, 403],
    ['another path', { origin: ORIGIN, path: '/ws' }, 0],
  ])('WebSocket: %s', async (_, lines, status) => {
    expect(await upgrade(lines)).toBe(status)
  })

  test('the WebSocket tells the picture, and may change nothing', async () => {
    const page = new WebSocket(`ws://127.0.0.1:${port}/terrarium/ws`, RIGHT, {
      origin: ORIGIN,
      headers: { Host: 'ops.example' },
    })
    const told: { t: string; code?: string }[] = []
    await new Promise<void>((resolve) => {
      page.on('message', (data: Buffer) => {
        told.push(JSON.parse(data.toString()) as { t: string })
        if (told.length === 2) page.send('{"t":"act","id":1,"verb":"kill","actor":"app"}')
        if (told.some(({ t }) => t === 'error')) resolve()
      })
    })
    expect(told.slice(0, 2).map(({ t }) => t)).toEqual(['hello', 'snap'])
    expect(told.find(({ t }) => t === 'error')?.code).toBe('READ_ONLY')
    page.terminate()
  })

  test('the health needs no token and no certain host, and tells one word', async () => {
    const answer = await get('/terrarium/health', '10.0.0.7')
    expect(answer).toMatchObject({ status: 503, body: '{"status":"down"}\n' })
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    expect(await get('/terrarium/health', 'a', 'HEAD')).toMatchObject({ status: 503, body: '' })
    expect(await get('/terrarium/health', 'a', 'POST')).toMatchObject({ status: 405, body: '' })
  })
})

test('the health is ready, degraded, down', async () => {
  const home = habitat()
  const pool = home.testPool({ name: 'text', size: 2, tools: { one: () => 1 } })
  const observer = await observing(pool)
  expect(observer.health()).toEqual({ status: 'down' })
  await pool.start()
  expect(observer.health()).toEqual({ status: 'ready' })
  pool.faults.crash('worker-2')
  expect(observer.health()).toEqual({ status: 'degraded' })
  pool.faults.crash('worker-1')
  expect(observer.health()).toEqual({ status: 'down' })
  await pool.stop()
  expect(observer.health()).toEqual({ status: 'down' })
})

test('without origins there is the health and no page', async () => {
  const mounted = await mount(await observing(createSupervisor({ id: 'app', children: [] })), { path: '/' })
  expect(mounted.addresses).toEqual([])
  const answers = ['/health', '/'].map((url) => {
    const response = { writeHead: () => response, end: () => response }
    return mounted.request({ url, method: 'GET', headers: {} } as never, response as never)
  })
  expect(answers).toEqual([true, false])
})

test('every mistake of the options is named', async () => {
  const observer = await observing(createSupervisor({ id: 'app', children: [] }))
  const options = { origins: ['http://ops.example'], path: 'terrarium', token: 'short', port: 1 }
  await expect(mount(observer, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const { message } = await mount(observer, options).then(
    () => new Error('it was taken'),
    (error: unknown) => error as Error,
  )
  for (const word of ['origins', 'path', 'token', 'port']) expect(message).toContain(word)
  for (const origins of [['https://ops.example/'], ['https://*'], ['ops.example'], [1], 'https://ops.example']) {
    await expect(mount(observer, { origins } as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
})
