import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createWebSocketInspector } from '@statelyai/inspect'
import { expect, test } from '@jest/globals'
import { WebSocketServer } from 'ws'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, TOOLS } from '../support/terrarium.ts'

interface Told {
  readonly type: string
  readonly sessionId: string
  readonly name?: string
  readonly snapshot?: { readonly value?: unknown }
}

const STATES = ['reserved', 'spawning', 'awaitingReady', 'active']

test("Stately's inspector sees a worker start, crash, and its successor start", async () => {
  const home = habitat()
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const told: Told[] = []
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as Told))
  })
  const { port } = server.address() as AddressInfo
  const inspector = createWebSocketInspector({ url: `ws://127.0.0.1:${port}` })

  /** The states of each actor of this name, one list per incarnation. */
  const lives = (name: string): string[][] => {
    const sessions = [...new Set(told.filter((each) => each.name === name).map(({ sessionId }) => sessionId))]
    return sessions.map((sessionId) => {
      const states = told
        .filter((each) => each.sessionId === sessionId && typeof each.snapshot?.value !== 'undefined')
        .map(({ snapshot }) => JSON.stringify(snapshot?.value).replace(/^"|"$/g, ''))
      return states.filter((state, index) => state !== states[index - 1])
    })
  }

  const pool = createPool({ ...home.common, name: 'seen', tools: TOOLS, inspect: inspector.inspect })
  await pool.start()
  await eventually('the first worker is seen active', () => lives('worker-1')[0]?.includes('active') === true)
  pool.kill('worker-1')
  await eventually('its successor is seen active', () => lives('worker-1')[1]?.includes('active') === true)
  const [first, second] = lives('worker-1')
  expect(first?.slice(0, 4)).toEqual(STATES)
  expect(first?.join()).toContain('terminating')
  expect(second?.slice(0, 4)).toEqual(STATES)
  expect(told.some(({ type, name }) => type === '@xstate.actor' && name === 'seen')).toBe(true)

  await pool.stop()
  inspector.stop()
  for (const socket of server.clients) socket.terminate()
  server.close()
})
