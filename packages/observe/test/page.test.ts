// The page of an observer: it is there only if it is asked for, only with its token, and shows the same picture.
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { createSupervisor } from '@terrarium/supervisor'
import { takePicture, type Hello, type Snap } from '@terrarium/observe/client'
import { WebSocket } from 'ws'
import { observing } from './support.ts'

const idle = () => createSupervisor({ id: 'app', children: [] })

const socketOf = (address: string, token: string): WebSocket => {
  const { host, origin } = new URL(address)
  return new WebSocket(`ws://${host}/ws`, ['terrarium.v1', `auth.${token}`], { origin })
}
const tokenOf = (address: string): string => new URL(address).hash.slice(3)

test('without page: true nothing is served', async () => {
  expect((await observing(idle())).address).toBeUndefined()
})

test('the page is static, and its WebSocket shows the picture to the holder of the token', async () => {
  const { address = '' } = await observing(idle(), { page: true })
  const response = await fetch(address)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
  const page = socketOf(address, tokenOf(address))
  const messages: string[] = []
  page.on('message', (data: Buffer) => messages.push(data.toString()))
  while (messages.length < 2) await once(page, 'message')
  const [hello, snap] = messages.map((text) => JSON.parse(text) as unknown) as [Hello, Snap]
  expect(hello.page).toBeUndefined()
  expect(snap.actors.map(({ id }) => id)).toEqual(['app'])
  page.send('{"t":"act","id":1,"verb":"kill","actor":"app"}')
  const [refused] = (await once(page, 'message')) as [Buffer]
  expect(JSON.parse(refused.toString())).toMatchObject({ t: 'error', code: 'READ_ONLY' })
  page.terminate()
})

test('a token that is wrong by one character is refused', async () => {
  const { address = '' } = await observing(idle(), { page: true })
  const token = tokenOf(address)
  const wrong = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`
  const [error] = (await once(socketOf(address, wrong), 'error')) as [Error]
  expect(error.message).toContain('403')
})

test('only readers of the private socket are told the address', async () => {
  const observer = await observing(idle(), { page: true, socket: true })
  const { hello } = await takePicture(observer.socket ?? '')
  expect(hello.page).toBe(observer.address)
})
