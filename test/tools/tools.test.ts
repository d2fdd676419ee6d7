import { cpSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { eventually, isAlive, TOOLS } from '../support/terrarium.ts'
import { testUnless, withoutPidNamespaces } from '../support/when.ts'
import { Project } from './project.ts'
import { drainedBy, Watched } from './watched.ts'

// D3: the tools that start services. Whatever a tool does to end or to replace a service, a call that is under way is settled, and no process is left.

jest.setTimeout(300_000)

const project = new Project()
const SERVICE = 'service.mjs'
const path = (name: string): string => join(project.folder, name)

beforeAll(async () => {
  await project.install('pm2@7', 'nodemon@3', 'vitest@5', 'next@16', 'react@19', 'react-dom@19')
  for (const name of [SERVICE]) cpSync(fileURLToPath(new URL(name, import.meta.url)), path(name))
  cpSync(TOOLS, path('tools.py'))
}, 600_000)

afterAll(() => {
  project.remove()
})

const change = (file: string): void => {
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n// changed\n`)
  utimesSync(file, new Date(), new Date())
}

test.each([
  ['restart', 'fork'],
  ['reload', 'fork'],
  ['reload', 'cluster'],
  ['restart', 'cluster'],
  ['stop', 'fork'],
])('D3: pm2 %s in mode %s settles the call in flight and leaves no process', async (command, mode) => {
  const watched = new Watched(path('tools.py'), { PM2_HOME: join(project.folder, `pm2-${command}-${mode}`) })
  const app = {
    name: 'service',
    script: path(SERVICE),
    exec_mode: mode,
    instances: 1,
    wait_ready: true,
    kill_timeout: 20_000,
  }
  const configuration = project.file('ecosystem.config.cjs', `module.exports = { apps: [${JSON.stringify(app)}] }`)
  const pm2 = (...args: string[]) => project.must(project.bin('pm2'), args, watched.env)
  await pm2('start', configuration)
  const first = await watched.underWay()
  await pm2(command, 'service')
  expect(await watched.ended(first)).toEqual(drainedBy('SIGINT'))
  if (command !== 'stop') {
    const second = await watched.underWay(2)
    expect(second).not.toBe(first)
    await pm2('stop', 'service')
    expect(await watched.ended(second)).toEqual(drainedBy('SIGINT'))
  }
  await pm2('kill')
  await watched.nothingLeft()
})

test.each(['SIGUSR2', 'SIGTERM'])(
  'D3: nodemon with %s settles the call in flight and leaves no process',
  async (signal) => {
    const watched = new Watched(path('tools.py'))
    const trigger = project.file('watched/trigger.mjs', '')
    const args = ['--signal', signal, '--watch', join(trigger, '..'), '--quiet', SERVICE]
    const nodemon = watched.start(project.bin('nodemon'), args, project.folder)
    const first = await watched.underWay()
    change(trigger)
    expect(await watched.ended(first)).toEqual(drainedBy(signal))
    const second = await watched.underWay(2)
    // As Ctrl-C does: to the foreground process group.
    process.kill(-(nodemon.pid ?? 0), 'SIGINT')
    expect(await watched.ended(second)).toEqual(drainedBy('SIGINT'))
    await watched.nothingLeft()
  },
)

test('D3: node --watch settles the call in flight and leaves no process', async () => {
  const watched = new Watched(path('tools.py'))
  const node = watched.start(process.execPath, ['--watch', SERVICE], project.folder)
  const first = await watched.underWay()
  change(path(SERVICE))
  expect(await watched.ended(first)).toEqual(drainedBy('SIGTERM'))
  const second = await watched.underWay(2)
  node.kill('SIGTERM')
  expect((await watched.ended(second)).slice(1)).toEqual(drainedBy('SIGTERM').slice(1))
  await watched.nothingLeft()
})

const ENCLOSED = ['-pf', '--mount-proc', '--kill-child', process.execPath]

/** The first process of the namespace, which docker signals. */
const firstOf = (outside: number): number => {
  const [child = ''] = readFileSync(`/proc/${outside}/task/${outside}/children`, 'utf8').split(' ')
  return Number(child)
}

testUnless(withoutPidNamespaces())('D3: a container is stopped by SIGTERM to its first process', async () => {
  const watched = new Watched(path('tools.py'))
  const container = watched.start('unshare', [...ENCLOSED, SERVICE], project.folder)
  await watched.underWay()
  const first = firstOf(container.pid ?? 0)
  process.kill(first, 'SIGTERM')
  const killed = setTimeout(() => {
    process.kill(first, 'SIGKILL')
  }, 10_000)
  await watched.ended(first)
  clearTimeout(killed)
  expect(watched.entries().map(({ pid: _, ...entry }) => entry)).toEqual(drainedBy('SIGTERM'))
  await watched.nothingLeft()
})

testUnless(withoutPidNamespaces())('D3: a container is stopped by a signal to all of its processes', async () => {
  const watched = new Watched(path('tools.py'))
  const container = watched.start('unshare', [...ENCLOSED, SERVICE], project.folder)
  await watched.underWay()
  const inside = watched.processes().filter((pid) => pid !== container.pid)
  expect(inside.length).toBeGreaterThanOrEqual(4)
  for (const pid of inside) process.kill(pid, 'SIGTERM')
  await watched.ended(container.pid ?? 0)
  expect(watched.entries().map(({ pid: _, ...entry }) => entry)).toEqual(drainedBy('SIGTERM'))
  await watched.nothingLeft()
})

testUnless(withoutPidNamespaces())('D3: a container that does not end is killed, and no process is left', async () => {
  const watched = new Watched(path('tools.py'))
  const container = watched.start('unshare', [...ENCLOSED, SERVICE], project.folder)
  await watched.underWay()
  const first = firstOf(container.pid ?? 0)
  const all = watched.processes()
  process.kill(first, 'SIGSTOP')
  process.kill(first, 'SIGTERM')
  process.kill(first, 'SIGKILL')
  await watched.ended(first)
  await eventually('all of it is gone', () => !all.some(isAlive))
  await watched.nothingLeft()
})

const ROUTE = `
import { createPool } from '@terrarium/pool'

export const dynamic = 'force-dynamic'

// One pool, however often a bundler loads this module.
const pool = (globalThis.pool ??= createPool({ name: 'next', tools: process.env.TOOLS, size: 2 }))
const started = (globalThis.started ??= process.env.JOURNAL === undefined ? undefined : pool.start())

export async function GET() {
  await started
  return Response.json({ value: await pool.call('sleep', { seconds: 3, begun: process.env.JOURNAL }) })
}
`

test.each(['SIGTERM', 'SIGINT'] as const)(
  'D3: Next, built and in production, with %s to all processes',
  async (signal) => {
    const watched = new Watched(path('tools.py'))
    project.file('next/package.json', '{ "private": true, "type": "module" }')
    project.file('next/app/layout.js', 'export default ({ children }) => <html><body>{children}</body></html>')
    project.file('next/app/page.js', 'export default () => <p>here</p>')
    project.file('next/app/slow/route.js', ROUTE)
    project.file(
      'next/next.config.mjs',
      `export default { serverExternalPackages: ['@terrarium/pool'], turbopack: { root: ${JSON.stringify(project.folder)} } }`,
    )
    const folder = join(project.folder, 'next')
    const { JOURNAL: _, ...withoutJournal } = watched.env
    await project.must(project.bin('next'), ['build', folder], {
      ...withoutJournal,
      NEXT_TELEMETRY_DISABLED: '1',
      NODE_OPTIONS: '',
    })
    await watched.nothingLeft()

    const port = 20_000 + (process.pid % 20_000)
    const server = watched.start(project.bin('next'), ['start', folder, '--port', String(port)], project.folder)
    const url = `http://127.0.0.1:${port}`
    await eventually(
      'it answers',
      () =>
        fetch(url).then(
          ({ ok }) => ok,
          () => false,
        ),
      60_000,
    )
    const answer = fetch(`${url}/slow`).then(async (response) => ({
      status: response.status,
      body: await response.json(),
    }))
    await eventually('the call is under way', () => readdirSync(watched.home.directory).includes('journal'), 60_000)
    const processes = watched.processes()
    expect(processes).toContain(server.pid)
    expect(processes.length).toBeGreaterThanOrEqual(4)
    for (const pid of processes) process.kill(pid, signal)
    expect(await answer).toEqual({ status: 200, body: { value: 'slept' } })
    await watched.nothingLeft()
  },
)

const SPEC = (stop: string): string => `
import { expect, test } from 'vitest'
import { createPool } from '@terrarium/pool'

test('a call is answered', async () => {
  const pool = createPool({ name: 'vitest', tools: process.env.TOOLS, size: 2 })
  await pool.start()
  expect(await pool.call('echo', { value: 1 })).toBe(1)
  pool.call('sleep', { seconds: 600 }).catch(() => undefined)
  expect(await pool.call('sleep', { seconds: 0.5 })).toBe('slept')
  ${stop}
})
`

test('D3: Vitest with forks ends, though a fork forgets to stop its pool', async () => {
  const watched = new Watched(path('tools.py'))
  project.file('specs/one.test.js', SPEC(''))
  project.file('specs/two.test.js', SPEC('void pool.stop()'))
  const configuration = project.file(
    'specs/vitest.config.mjs',
    `export default { test: { pool: 'forks', include: ['*.test.js'] } }`,
  )
  const args = ['run', '--config', configuration, '--root', join(project.folder, 'specs')]
  const told = await project.must(project.bin('vitest'), args, {
    ...watched.env,
    NODE_OPTIONS: '',
    NO_COLOR: '1',
  })
  expect(told).toMatch(/Tests\s+2 passed \(2\)/)
  await watched.nothingLeft()
})
