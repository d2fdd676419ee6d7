// The private socket: who may enter, what stale folders become, and that it holds no process.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { findSockets, follow, takePicture, takePictures } from '@terrarium/observe/client'
import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback } from 'xstate'
import { FOLDER, SOCKET } from '../src/client/places.ts'
import { observing } from './support.ts'

const idle = () => createSupervisor({ id: 'app', children: [{ id: 'a', logic: fromCallback(() => undefined) }] })

test('the socket is 0600 in a folder of 0700, and both are gone after stop()', async () => {
  const observer = await observing(idle(), { socket: true })
  const path = observer.socket ?? ''
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  expect(findSockets()).toContain(path)
  await observer.stop()
  expect(existsSync(dirname(path))).toBe(false)
})

test('a picture is taken over the socket, with details of what is watched', async () => {
  const observer = await observing(idle(), { socket: true, name: 'shop' })
  const path = observer.socket ?? ''
  const { hello, snap, details } = await takePicture(path, ['app/a'])
  expect(hello).toMatchObject({ name: 'shop', pid: process.pid })
  expect(snap.actors.map(({ id }) => id)).toEqual(['app', 'app/a'])
  expect(details).toMatchObject([{ id: 'app/a', output: [] }])
  expect((await takePictures()).map(({ socket }) => socket)).toContain(path)
})

test('follow tells events until it is aborted', async () => {
  const app = idle()
  const observer = await observing(app, { socket: true })
  const ending = new AbortController()
  const types: string[] = []
  const following = (async () => {
    for await (const { message } of follow(observer.socket ?? '', { signal: ending.signal })) {
      if (message.t === 'snap') await app.start()
      if (message.t === 'd') types.push(...(message.events ?? []).map(([, , , , type]) => type))
      if (types.includes('child.ready')) ending.abort()
    }
  })()
  await following
  expect(types).toEqual(['child.start', 'child.ready'])
  await app.stop()
})

test('a reader that sends a line without an end is cut off, and others go on', async () => {
  const observer = await observing(idle(), { socket: true })
  const socket = createConnection(observer.socket ?? '')
  socket.on('error', () => undefined)
  socket.resume()
  socket.write('x'.repeat(10_000))
  await once(socket, 'close')
  expect((await takePicture(observer.socket ?? '')).snap.actors.length).toBe(2)
})

test('the folder of a program that was killed is removed by the next look', async () => {
  const folder = join(tmpdir(), `${FOLDER}1-${process.pid}`)
  mkdirSync(folder, { mode: 0o700 })
  const path = join(folder, SOCKET)
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(findSockets()).toContain(path)
  await takePictures()
  expect(existsSync(folder)).toBe(false)
})

test('a folder that others may enter is left alone', () => {
  const folder = join(tmpdir(), `${FOLDER}2-${process.pid}`)
  mkdirSync(folder)
  chmodSync(folder, 0o755) // whatever the umask is
  try {
    writeFileSync(join(folder, SOCKET), '')
    expect(findSockets()).not.toContain(join(folder, SOCKET))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['says nothing', () => undefined, { code: 'DEADLINE_EXCEEDED' }],
  ['closes', 'end', { code: 'STOPPED' }],
  ['does not speak JSON', 'hm\n', { code: 'STOPPED' }],
  ['speaks a later version', '{"t":"hello","v":2}\n', { code: 'CONFIGURATION' }],
])('a socket that %s is an error', async (_, answer, error) => {
  const path = join(tmpdir(), `observe-test-${process.pid}.sock`)
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    if (answer === 'end') socket.end()
    else if (typeof answer === 'string') socket.write(answer)
  }).listen(path)
  await once(server, 'listening')
  try {
    await expect(takePicture(path)).rejects.toMatchObject(error)
  } finally {
    server.close()
  }
})

test('an observer holds no process', async () => {
  const program = `
    import { observe } from '@terrarium/observe'
    import { createSupervisor } from '@terrarium/supervisor'
    import { createConnection } from 'node:net'
    const observer = await observe(createSupervisor({ id: 'app', children: [] }), { record: true })
    const reader = createConnection(observer.socket)
    reader.once('data', () => { reader.unref(); console.log('read') })`
  const folder = join(import.meta.dirname, '..', 'dist')
  const file = join(folder, `holds-${process.pid}.mjs`)
  writeFileSync(file, program)
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 })
    expect(stdout).toBe('read\n')
  } finally {
    rmSync(file)
  }
})
