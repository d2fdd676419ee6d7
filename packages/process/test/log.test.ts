import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Level } from 'level'
import { crc32 } from '../src/crc.ts'
import { readLog, ReservationLog, type Reservation } from '../src/log.ts'
import { ended, freshState, grandchildOf, killWithShepherd, isAlive, onEnd, open, startHost } from './support.ts'

const reservation = (n: number): Reservation => ({
  spawn: `${n}-0123456789abcdef`,
  name: `test/${n}`,
  state: 'reserved',
  at: n,
})

async function filled(count: number): Promise<string> {
  const directory = join(freshState(), 'log')
  mkdirSync(directory)
  const log = await ReservationLog.create(directory)
  for (let n = 1; n <= count; n++) await log.reserve(reservation(n))
  await log.close()
  return directory
}

test('a reservation is on disk before the spawn', async () => {
  const stateDir = freshState()
  const host = startHost(stateDir, 'die-at-spawn')
  const { run } = await host.next()
  await ended(host.child)
  expect(host.child.signalCode).toBe('SIGKILL')
  const { reservations, damage } = await readLog(join(stateDir, 'runs', run, 'log'))
  expect(damage).toEqual([])
  expect(reservations).toMatchObject([{ name: 'shepherd' }, { name: 'never', state: 'reserved' }])
})

test('a host that is killed leaves its log whole, with the pids of what was active', async () => {
  const stateDir = freshState()
  const host = startHost(stateDir, 'hold', 'idle', 'busy')
  const { run, children } = await host.next()
  host.child.kill('SIGKILL')
  await ended(host.child)
  const { reservations, damage } = await readLog(join(stateDir, 'runs', run, 'log'))
  expect(damage).toEqual([])
  expect(reservations).toMatchObject([
    { name: 'shepherd' },
    ...children.map(({ pid, spawn }) => ({ pid, spawn, state: 'active' })),
  ])
})

test('reservations that wait together come back, and a release deletes', async () => {
  const directory = join(freshState(), 'log')
  mkdirSync(directory)
  const log = await ReservationLog.create(directory)
  await Promise.all(Array.from({ length: 100 }, (_, n) => log.reserve(reservation(n))))
  await Promise.all(Array.from({ length: 99 }, (_, n) => log.release(reservation(n).spawn)))
  await log.update({ ...reservation(99), state: 'active', pid: 4711 })
  await log.close()
  const { reservations, damage } = await readLog(directory)
  expect(damage).toEqual([])
  expect(reservations).toMatchObject([{ spawn: reservation(99).spawn, state: 'active', pid: 4711 }])
})

test('a log that is open is never opened twice in one process', async () => {
  const runtime = await open()
  const directory = join(runtime.stateDir, 'runs', runtime.runId, 'log')
  await expect(readLog(directory)).rejects.toMatchObject({ code: 'STATE_LOCKED' })
  // Had the second open happened, its failure would have dropped the lock, and another process would get in.
  const other = startHost(runtime.stateDir, 'sweep')
  expect(await other.next()).toMatchObject({ swept: { swept: [], left: [] } })
  expect(isAlive(process.pid)).toBe(true)
})

test('a record with a wrong checksum is noticed', async () => {
  const directory = await filled(3)
  const level = new Level(directory)
  const value = await level.get(`spawn/${reservation(2).spawn}`)
  await level.put(`spawn/${reservation(2).spawn}`, value.replace('test/2', 'test/8'))
  await level.close()
  const { damage, reservations } = await readLog(directory)
  expect(damage).toEqual([expect.stringContaining('wrong checksum'), '3 reservations expected, 2 found'])
  expect(reservations).toHaveLength(2)
})

test('records that have silently gone are noticed', async () => {
  const directory = await filled(3)
  const level = new Level(directory)
  await level.del(`spawn/${reservation(2).spawn}`)
  await level.close()
  expect((await readLog(directory)).damage).toEqual(['3 reservations expected, 2 found'])
})

test('a lost head is noticed', async () => {
  const directory = await filled(3)
  const level = new Level(directory)
  await level.del('head')
  await level.close()
  expect((await readLog(directory)).damage).toEqual(['the head record is missing'])
})

test.each(['a flipped bit', 'an emptied log', 'no manifest', 'an empty CURRENT'])('%s is noticed', async (what) => {
  const directory = await filled(200)
  const named = (pattern: RegExp) => join(directory, readdirSync(directory).find((name) => pattern.test(name)) ?? '')
  switch (what) {
    case 'a flipped bit': {
      const file = named(/\.log$/)
      const bytes = readFileSync(file)
      const middle = bytes.length >> 1
      bytes[middle] = (bytes[middle] ?? 0) ^ 4
      writeFileSync(file, bytes)
      break
    }
    case 'an emptied log':
      truncateSync(named(/\.log$/))
      break
    case 'no manifest':
      rmSync(named(/^MANIFEST/))
      break
    default:
      truncateSync(join(directory, 'CURRENT'))
  }
  expect((await readLog(directory)).damage).not.toEqual([])
})

test('a damaged log does not keep a dead run from being swept', async () => {
  // What is better contained leaves nothing to be swept.
  process.env['TERRARIUM_CONTAINMENT'] = 'shepherd'
  onEnd(() => delete process.env['TERRARIUM_CONTAINMENT'])
  const stateDir = freshState()
  const host = startHost(stateDir, 'hold', 'grandchild setsid')
  const facts = await host.next()
  const { run, children } = facts
  const grandchildren = children.map(grandchildOf)
  await killWithShepherd(host, facts)
  truncateSync(join(stateDir, 'runs', run, 'log', 'CURRENT'))
  const report = await (await open(stateDir)).swept
  expect(report).toMatchObject({ swept: [run], left: [{ reason: 'log_damaged', run }] })
  expect(report.killed.map(({ pid }) => pid)).toEqual(grandchildren)
})

test('the checksum is the usual CRC-32', () => {
  expect(crc32('123456789').toString(16)).toBe('cbf43926')
})
