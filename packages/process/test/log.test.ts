import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from '@jest/globals'
import { Level } from 'level'
import { crc32 } from '../src/log/crc.ts'
import { lockBySocket } from '../src/log/socket-lock.ts'
import { ReservationLog } from '../src/log/log.ts'
import { readLog } from '../src/log/read-log.ts'
import type { Reservation } from '../src/log/record.ts'
import type { Owner } from '../src/run.ts'
import { testUnless, withoutPrlimit } from '../../../test/support/when.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { ended, freshState, grandchildOf, killWithShepherd, onEnd, open, startHost } from './support.ts'

const owner: Owner = {
  v: 1,
  installation: '0123456789abcdef',
  run: 'abcdefg',
  bootId: 'a boot',
  namespaces: 'pid:[1] time:[2]',
  uid: 0,
  host: { pid: 1, startTicks: 2 },
  runtimeDirectory: '',
}

const reservation = (n: number): Reservation => ({
  spawn: `${n}-0123456789abcdef`,
  name: `test/${n}`,
  state: 'reserved',
  exe: 'python3',
  argvHash: '0123456789abcdef',
  wall: n,
  mono: n,
})

function freshFolder(): string {
  const directory = join(freshState(), 'log')
  mkdirSync(directory)
  return directory
}

async function filled(count: number): Promise<string> {
  const directory = freshFolder()
  const log = await ReservationLog.create(directory, owner, () => undefined)
  for (let n = 1; n <= count; n++) await log.reserve(reservation(n))
  await log.close()
  return directory
}

test('I11: a reservation is on disk before the spawn', async () => {
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
    ...children.map(({ pid, spawn }) => ({ pid, spawn, state: 'ready' })),
  ])
})

test('reservations that are written together are read back, and a release deletes one', async () => {
  const directory = freshFolder()
  const log = await ReservationLog.create(directory, owner, () => undefined)
  await Promise.all(Array.from({ length: 100 }, (_, n) => log.reserve(reservation(n))))
  await Promise.all(Array.from({ length: 99 }, (_, n) => log.release(reservation(n).spawn)))
  await log.update({ ...reservation(99), state: 'ready', pid: 4711 })
  await log.close()
  const { reservations, damage } = await readLog(directory)
  expect(damage).toEqual([])
  expect(reservations).toMatchObject([{ spawn: reservation(99).spawn, state: 'ready', pid: 4711 }])
})

test('a log that is open is never opened twice in one process', async () => {
  const runtime = await open()
  const directory = join(runtime.stateDir, 'runs', runtime.runId, 'log')
  await expect(readLog(directory)).rejects.toMatchObject({ code: 'STATE_LOCKED' })
  // A second open that fails would drop the lock, and another process could open the log.
  const other = startHost(runtime.stateDir, 'sweep')
  expect(await other.next()).toMatchObject({ swept: { swept: [], left: [] } })
  expect(isAlive(process.pid)).toBe(true)
})

test('a lock that outlives its holder for a moment is waited for', async () => {
  const directory = await filled(1)
  const lock = await lockBySocket(realpathSync(directory))
  const reading = readLog(directory)
  expect(await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])).toBe('waits')
  await lock.release()
  expect(await reading).toMatchObject({ reservations: [{ name: 'test/1' }], damage: [] })
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

test('missing records are noticed', async () => {
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

test('a record names its run, its spawn, its program and its pid', async () => {
  const runtime = await open()
  const worker = await runtime.spawn({ name: 'text/worker-1', command: 'sleep', args: ['60'] })
  await worker.activate()
  const { level } = await runtime.containment()
  const folder = join(runtime.stateDir, 'runs', runtime.runId)
  const copy = freshState()
  cpSync(folder, copy, { recursive: true, filter: (source) => !source.endsWith('LOCK') })
  const { reservations, damage } = await readLog(join(copy, 'log'))
  expect(damage).toEqual([])
  const { installation, runId: run } = runtime
  const { host, bootId, namespaces, uid } = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as Owner
  const { pid, startTicks } = worker.identity
  expect(reservations.find(({ spawn }) => spawn === worker.spawnId)).toMatchObject({
    ...{ v: 1, installation, run, host, bootId, namespaces, uid, pid, startTicks },
    ...{ name: 'text/worker-1', state: 'ready', exe: 'sleep', containment: level },
    ...{ argvHash: expect.stringMatching(/^[0-9a-f]{16}$/), wall: expect.any(Number), mono: expect.any(Number) },
    shepherd: { pid: expect.any(Number), startTicks: expect.any(Number) },
  })
})

/** Kinds of damage to the files of a log, by a random number from 0 to 1. */
const damages: [string, (directory: string, random: number) => void][] = [
  [
    'a flipped bit in the log',
    (directory, random) => {
      flip(named(directory, /\.log$/), random)
    },
  ],
  [
    'a flipped bit in the manifest',
    (directory, random) => {
      flip(named(directory, /^MANIFEST/), random)
    },
  ],
  [
    'a flipped bit in CURRENT',
    (directory, random) => {
      flip(named(directory, /^CURRENT/), random)
    },
  ],
  [
    'a cut log',
    (directory, random) => {
      cut(named(directory, /\.log$/), random)
    },
  ],
  [
    'a cut manifest',
    (directory, random) => {
      cut(named(directory, /^MANIFEST/), random)
    },
  ],
  [
    'a log without its tail',
    (directory, random) => {
      cut(named(directory, /\.log$/), 0.98 + random / 60)
    },
  ],
  [
    'an emptied log',
    (directory) => {
      cut(named(directory, /\.log$/), 0)
    },
  ],
  [
    'an empty CURRENT',
    (directory) => {
      cut(named(directory, /^CURRENT/), 0)
    },
  ],
  [
    'a lost log',
    (directory) => {
      rmSync(named(directory, /\.log$/))
    },
  ],
  [
    'a lost manifest',
    (directory) => {
      rmSync(named(directory, /^MANIFEST/))
    },
  ],
  [
    'a lost CURRENT',
    (directory) => {
      rmSync(named(directory, /^CURRENT/))
    },
  ],
  [
    'all files lost',
    (directory) => {
      readdirSync(directory).forEach((name) => {
        rmSync(join(directory, name))
      })
    },
  ],
  [
    'zeros where the log was',
    (directory) => {
      writeFileSync(named(directory, /\.log$/), Buffer.alloc(40_000))
    },
  ],
]

const named = (directory: string, pattern: RegExp): string =>
  join(directory, readdirSync(directory).find((name) => pattern.test(name)) ?? '')

function flip(file: string, random: number): void {
  const bytes = readFileSync(file)
  const at = Math.floor(random * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ 4
  writeFileSync(file, bytes)
}

function cut(file: string, fraction: number): void {
  truncateSync(file, Math.floor(readFileSync(file).length * fraction))
}

test.each(damages)('%s is noticed, or loses no reservation', async (_, damage) => {
  const whole = await filled(200)
  const truth = (await readLog(whole)).reservations
  expect(truth).toHaveLength(200)
  let noticed = 0
  for (let n = 0; n < 20; n++) {
    const directory = freshFolder()
    cpSync(whole, directory, { recursive: true })
    cpSync(`${whole}.seq`, `${directory}.seq`)
    damage(directory, (n + 0.5) / 20)
    const before = snapshotOf(directory)
    const contents = await readLog(directory)
    if (contents.damage.length > 0) noticed++
    else expect(contents.reservations).toEqual(truth)
    // Reading has not changed the log.
    expect(snapshotOf(directory)).toEqual(before)
  }
  expect(noticed).toBeGreaterThan(0)
})

const snapshotOf = (directory: string) =>
  readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'latin1')])

test('a lost change is noticed, though every record is there', async () => {
  const directory = freshFolder()
  const log = await ReservationLog.create(directory, owner, () => undefined)
  for (const n of [1, 2, 3]) await log.reserve(reservation(n))
  const copy = freshFolder()
  cpSync(directory, copy, { recursive: true, filter: (source) => !source.endsWith('LOCK') })
  await log.update({ ...reservation(2), state: 'ready' })
  await log.close()
  const key = `spawn/${reservation(2).spawn}`
  const earlier = new Level(copy)
  const record = await earlier.get(key)
  await earlier.close()
  const level = new Level(directory)
  await level.put(key, record)
  await level.close()
  expect((await readLog(directory)).damage).toEqual(['some reservations are older than they should be'])
})

/** What makes LevelDB lose its lock, for which a second writer has to wait. */
test.each(['a second open', 'reading LOCK', 'a second open in a thread'])(
  'another opener after %s is kept out by another lock',
  async (what) => {
    const runtime = await open()
    const directory = join(runtime.stateDir, 'runs', runtime.runId, 'log')
    if (what === 'a second open') await expect(new Level(directory).open()).rejects.toThrow()
    else if (what === 'reading LOCK') readFileSync(join(directory, 'LOCK'))
    else await openInThread(directory)
    // The lock of LevelDB is gone: another process can open the log.
    const level = new URL('../node_modules/level/index.js', import.meta.url).href
    const script = `import(${JSON.stringify(level)}).then(({ Level }) => new Level(process.argv[1]).open()).then(() => console.log('in'))`
    expect(spawnSync(process.execPath, ['-e', script, directory], { encoding: 'utf8' }).stdout).toBe('in\n')
    // Terrarium does not open it, in this process or another.
    await expect(readLog(directory)).rejects.toMatchObject({ code: 'STATE_LOCKED' })
    const other = startHost(runtime.stateDir, 'read', runtime.runId)
    expect(await other.next()).toMatchObject({ code: 'STATE_LOCKED' })
  },
)

function openInThread(directory: string): Promise<void> {
  const level = new URL('../node_modules/level/index.js', import.meta.url).href
  const code = `import(${JSON.stringify(level)}).then(({ Level }) => new Level(${JSON.stringify(directory)}).open()).catch(() => undefined)`
  return new Promise((resolve, reject) => {
    new Worker(code, { eval: true }).once('error', reject).once('exit', () => {
      resolve()
    })
  })
}

testUnless(withoutPrlimit())('on a full disk a spawn is refused, and afterwards no record is missing', async () => {
  const host = startHost(freshState(), 'limited')
  const facts = await host.next()
  const limit = (bytes: string): number | null =>
    spawnSync('prlimit', ['--pid', String(facts.pid), `--fsize=${bytes}`]).status
  expect(limit('1:')).toBe(0)
  host.child.stdin?.write('spawn\n')
  expect(await host.next()).toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('cannot be used'),
  })
  limit('unlimited:')
  host.child.stdin?.write('spawn\n')
  const second = await host.next()
  expect(second).toMatchObject({ spawn: expect.any(String) })
  host.child.kill('SIGKILL')
  await ended(host.child)
  const { reservations, damage } = await readLog(join(facts.stateDir, 'runs', facts.run, 'log'))
  expect(damage).toEqual([])
  expect(reservations.map(({ name }) => name)).toEqual(['shepherd', 'before', 'spawn'])
})

test('32: a damaged log does not keep a dead run from being swept', async () => {
  // Better containment leaves nothing to be swept.
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
  const copy = join(stateDir, 'damaged', run)
  expect(report).toMatchObject({
    swept: [run],
    left: [{ reason: 'log_damaged', run, detail: expect.stringContaining(copy) }],
  })
  expect(existsSync(join(copy, 'CURRENT'))).toBe(true)
  expect(report.killed.map(({ pid }) => pid)).toEqual(grandchildren)
})

test('the checksum is the usual CRC-32', () => {
  expect(crc32('123456789').toString(16)).toBe('cbf43926')
})
