// The server of a page: each row of the table of who may read it, and what is on every answer.
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import { servePage, type PageServer } from '../src/node/server.ts'
import { loopbackHosts, mayConnect } from '../src/node/guard.ts'

let served: PageServer
let port = 0
let token = ''
/** What pages have said. */
const heard: string[] = []
let pages = 0

beforeAll(async () => {
  served = await servePage({
    origins: ['http://localhost:5173'],
    connect: (page) => {
      pages += 1
      page.send('welcome')
      return { receive: (text) => heard.push(text), close: () => (pages -= 1) }
    },
  })
  const { port: own, hash } = new URL(served.address)
  port = Number(own)
  token = new URLSearchParams(hash.slice(1)).get('t') ?? ''
})

afterAll(() => served.close())

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function ask(host: string, { method = 'GET', path = '/' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers: { Host: host } }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
    sent.on('error', reject).end()
  })
}

const own = (name: string): string => name.replace('PORT', String(port))

test.each([
  ['GET /', '127.0.0.1:PORT', 'GET', '/', 200],
  ['GET / as localhost', 'localhost:PORT', 'GET', '/', 200],
  ['GET / as ::1', '[::1]:PORT', 'GET', '/', 200],
  ['another site that leads here by DNS', 'evil.example:PORT', 'GET', '/', 403],
  ['localhost6', 'localhost6:PORT', 'GET', '/', 403],
  ['a short form of the address', '127.1:PORT', 'GET', '/', 403],
  ['a hexadecimal form of the address', '0x7f.1:PORT', 'GET', '/', 403],
  ['an address that ends with ours', 'evil.127.0.0.1:PORT', 'GET', '/', 403],
  ['a subdomain of localhost', 'evil.localhost:PORT', 'GET', '/', 403],
  ['another port', '127.0.0.1:1', 'GET', '/', 403],
  ['no port', '127.0.0.1', 'GET', '/', 403],
  ['POST', '127.0.0.1:PORT', 'POST', '/', 405],
  ['DELETE', '127.0.0.1:PORT', 'DELETE', '/', 405],
  ['OPTIONS, as a browser asks before', '127.0.0.1:PORT', 'OPTIONS', '/', 405],
  ['another path', '127.0.0.1:PORT', 'GET', '/../etc/passwd', 404],
  ['the WebSocket without an upgrade', '127.0.0.1:PORT', 'GET', '/ws', 404],
] as const)('request: %s', async (_, host, method, path, status) => {
  const answer = await ask(own(host), { method, path })
  expect(answer.status).toBe(status)
  expect(answer.headers).toMatchObject({
    'content-security-policy': expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'/) as unknown,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  expect(answer.body).not.toContain(token)
})

interface Tried {
  readonly origin?: string
  readonly protocols?: readonly string[]
  readonly host?: string
  readonly path?: string
}

/** The status of the answer: 101 for a WebSocket that was opened. */
function upgrade({ origin, protocols = [], host, path = '/ws' }: Tried): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const lines = [
        `GET ${path} HTTP/1.1`,
        `Host: ${own(host ?? '127.0.0.1:PORT')}`,
        ...(origin === undefined ? [] : [`Origin: ${own(origin)}`]),
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...(protocols.length === 0 ? [] : [`Sec-WebSocket-Protocol: ${protocols.join(', ').replace('TOKEN', token)}`]),
      ]
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    })
    socket.on('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]))
    })
  })
}

const RIGHT = ['terrarium.v1', 'auth.TOKEN']
const OWN = 'http://127.0.0.1:PORT'

test.each<[string, Tried, number]>([
  ['own origin and token', { origin: OWN, protocols: RIGHT }, 101],
  [
    'own origin and token, as localhost',
    { origin: 'http://localhost:PORT', host: 'localhost:PORT', protocols: RIGHT },
    101,
  ],
  ['an origin that was named, and token', { origin: 'http://localhost:5173', protocols: RIGHT }, 101],
  ['an origin that was named, without token', { origin: 'http://localhost:5173', protocols: ['terrarium.v1'] }, 403],
  ['no token', { origin: OWN, protocols: ['terrarium.v1'] }, 403],
  ['no subprotocol', { origin: OWN }, 403],
  ['the token without the version', { origin: OWN, protocols: ['auth.TOKEN'] }, 403],
  ['a token that is longer', { origin: OWN, protocols: ['terrarium.v1', 'auth.TOKENx'] }, 403],
  ['a token within another item', { origin: OWN, protocols: ['terrarium.v1', 'xauth.TOKEN'] }, 403],
  ['an empty token', { origin: OWN, protocols: ['terrarium.v1', 'auth.'] }, 403],
  ['another site with the token', { origin: 'http://evil.example', protocols: RIGHT }, 403],
  ['another page of this machine with the token', { origin: 'http://127.0.0.1:3000', protocols: RIGHT }, 403],
  ['https of the own origin', { origin: 'https://127.0.0.1:PORT', protocols: RIGHT }, 403],
  ['an opaque origin, as a file has', { origin: 'null', protocols: RIGHT }, 403],
  ['no origin', { protocols: RIGHT }, 403],
  [
    'another host with its own origin',
    { origin: 'http://evil.example:PORT', host: 'evil.example:PORT', protocols: RIGHT },
    403,
  ],
  ['another path', { origin: OWN, path: '/ws/', protocols: RIGHT }, 403],
])('WebSocket: %s', async (_, tried, status) => {
  expect(await upgrade(tried)).toBe(status)
})

test('a token that differs in one character is refused', async () => {
  const other = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  expect(await upgrade({ origin: OWN, protocols: ['terrarium.v1', `auth.${other}`] })).toBe(403)
  expect(token).toMatch(/^[\w-]{32}$/)
})

test('only loopback is listened on', () => {
  expect(new URL(served.address).hostname).toBe('127.0.0.1')
})

test('a method other than GET opens no WebSocket', () => {
  const headers = {
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    'sec-websocket-protocol': `terrarium.v1, auth.${token}`,
  }
  const guard = { hosts: loopbackHosts(port), token, origins: [] }
  const asked = (method: string): boolean => mayConnect({ headers, method }, guard)
  expect([asked('GET'), asked('POST')]).toEqual([true, false])
})

function open(): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${port}/ws`, ['terrarium.v1', `auth.${token}`], {
    origin: `http://127.0.0.1:${port}`,
  })
}

const closed = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.once('close', resolve)
  })

test('messages that are too long or binary end the connection, and others are heard', async () => {
  const fine = open()
  const welcome = await new Promise((resolve) =>
    fine.once('message', (data: Buffer) => {
      resolve(data.toString())
    }),
  )
  expect({ welcome, protocol: fine.protocol }).toEqual({ welcome: 'welcome', protocol: 'terrarium.v1' })
  fine.send('{"t":"since","seq":0}')
  const long = open()
  long.once('open', () => {
    long.send('x'.repeat(5_000))
  })
  const binary = open()
  binary.once('open', () => {
    binary.send(Buffer.from([1, 2, 3]))
  })
  expect(await Promise.all([closed(long), closed(binary)])).toEqual([1009, 1003])
  fine.close()
  await closed(fine)
  expect(heard).toEqual(['{"t":"since","seq":0}'])
})

test('a port that is taken is NOT_SERVED, with what to do', async () => {
  const other: Server = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port: taken } = other.address() as AddressInfo
  await expect(
    servePage({ port: taken, connect: () => ({ receive: () => undefined, close: () => undefined }) }),
  ).rejects.toMatchObject({
    code: 'NOT_SERVED',
    hint: 'Choose another port, or leave the option port out for any free one.',
    details: { port: taken },
  })
  await new Promise((resolve) => other.close(resolve))
})
