// The commands that look at observed programs: this process is one, and the built command looks at it.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { observe, type Observer } from '@terrarium/observe'
import type { TestPool } from '@terrarium/pool/testing'
import { createSupervisor, supervisor, type Supervisor } from '@terrarium/supervisor'
import { TerrariumError } from '@terrarium/supervisor/base'
import { collect } from '../../../test/support/command.ts'
import { expectDocumented } from './documented.ts'
import { COMMAND, eventually, place } from './support.ts'

type Home = ReturnType<typeof place>

const ESCAPE = String.fromCharCode(27)

/** A pool and a supervisor under an observer, with names of this process alone. */
async function withProgram(
  work: (at: { home: Home; pool: TestPool; observer: Observer; name: string; app: Supervisor }) => Promise<void>,
): Promise<void> {
  const home = place()
  const name = `text-${process.pid}`
  const pool = home.testPool({ name, size: 2, tools: { one: () => 1 } })
  const children = ['db', 'api'].map((id) => ({ id, logic: supervisor({ id, children: [] }) }))
  const app = createSupervisor({ id: `app-${process.pid}`, children })
  const observer = await observe([pool, app], { name: 'shop', page: true })
  try {
    await pool.start()
    await app.start()
    await work({ home, pool, observer, name, app })
  } finally {
    await app.stop()
    await pool.stop()
    await observer.stop()
  }
}

const linesOf = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))

test('ps lists the workers of a program, with tabs and without colours in a pipe', async () => {
  await withProgram(async ({ home, name }) => {
    const { code, stdout, stderr } = await home.run(['ps'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).not.toContain(ESCAPE)
    const [header, ...rows] = linesOf(stdout)
    expect(header?.slice(0, 5)).toEqual(['HOST', 'POOL', 'WORKER', 'STATE', 'INCARNATION'])
    const own = rows.filter(([, pool]) => pool === name).map((row) => row.slice(0, 5))
    expect(own).toEqual([
      [String(process.pid), name, 'worker-1', 'ready', '1'],
      [String(process.pid), name, 'worker-2', 'ready', '1'],
    ])
    const { workers } = JSON.parse((await home.run(['ps', '--json'])).stdout) as { workers: { id: string }[] }
    expect(workers.map(({ id }) => id)).toEqual(expect.arrayContaining([`${name}/worker-1`, `${name}/worker-2`]))
  })
})

test('ps shows of each worker its calls, its restarts and its last failure, also when it is ready again', async () => {
  await withProgram(async ({ home, pool, name }) => {
    await pool.call('one')
    pool.faults.crash('worker-2')
    await eventually('it is ready again', () => pool.stats.ready === 2 && pool.stats.starts === 3)
    const [header = [], ...rows] = linesOf((await home.run(['ps'])).stdout)
    const cell = (worker: string, column: string): string | undefined =>
      rows.find((row) => row[1] === name && row[2] === worker)?.[header.indexOf(column)]
    expect(header.slice(5)).toEqual(['PID', 'UP', 'RSS', 'CALLS', 'RESTARTS', 'LAST'])
    expect([cell('worker-1', 'CALLS'), cell('worker-2', 'CALLS')]).toEqual(['1', '0'])
    expect([cell('worker-1', 'RESTARTS'), cell('worker-2', 'RESTARTS')]).toEqual(['0', '1'])
    expect(cell('worker-1', 'UP')).toMatch(/^\d+s$/)
    expect(cell('worker-1', 'LAST')).toBe('-')
    expect(cell('worker-2', 'LAST')).toMatch(/^WORKER_CRASHED: .*, \d+s ago$/)
    const { stdout } = await home.run(['tree'])
    expect(stdout).toMatch(/worker-1 {2}ready {2}worker {2}pid \d+ {2}up \d+s.* {2}1 call$/m)
    expect(stdout).toMatch(/worker-2 {2}ready.* {2}1 restart {2}1 crash {2}last failure: WORKER_CRASHED: .* ago$/m)
  })
})

test('status of a pool that lacks workers ends with 5, and of a whole one with 0', async () => {
  await withProgram(async ({ home, pool, name }) => {
    expect(await home.run(['status', name])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 of 2 workers'),
    })
    const error = new TerrariumError('CONFIGURATION', 'No module named cv2')
    pool.faults.failStarts('worker-2', { error, times: 1_000 })
    pool.faults.crash('worker-2')
    await eventually('it is parked', () => pool.workers[1]?.state === 'parked')
    expect(await home.run(['status', name])).toMatchObject({
      code: 5,
      stdout: expect.stringContaining('1 of 2 workers'),
    })
  })
})

test('every command that looks prints with --json what the README says', async () => {
  await withProgram(async ({ home, pool, name }) => {
    const error = new TerrariumError('CONFIGURATION', 'No module named cv2', { details: { command: 'pip install x' } })
    pool.faults.failStarts('worker-2', { error, times: 1_000 })
    pool.faults.crash('worker-2')
    await eventually('it is parked', () => pool.workers[1]?.state === 'parked')
    const commands = [['ps'], ['ps', '--processes'], ['tree'], ['status', `${name}/worker-2`], ['open'], ['events']]
    for (const args of commands) {
      const { stdout, stderr } = await home.run([...args, '--json'])
      expect(stderr).toBe('')
      expect(stdout).not.toContain(ESCAPE)
      const command = args[0] === 'ps' ? args.join(' ') : (args[0] ?? '')
      for (const line of stdout.trimEnd().split('\n')) expectDocumented(command, JSON.parse(line))
    }
    expectDocumented('any that fails', JSON.parse((await home.run(['call', 'no.py', 'x', '--json'])).stderr))
  })
})

test('below the verdict tree prints the command that installs a missing module', async () => {
  const home = place()
  home.expect(/numpyy/)
  const name = `lacking-${process.pid}`
  const pool = home.pool({ name, tools: home.file('tools.py', 'import numpyy\n'), size: 1 })
  const observer = await observe(pool)
  try {
    await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
    const { stdout } = await home.run(['tree'])
    expect(stdout).toMatch(new RegExp(`${name}/worker-1 is parked: .*'numpyy'.*\n {2}run {2}.* install numpyy\n`))
  } finally {
    await pool.stop()
    await observer.stop()
  }
})

test('tree shows pools, supervisors and their children', async () => {
  await withProgram(async ({ home, name }) => {
    const { code, stdout } = await home.run(['tree'])
    expect(code).toBe(0)
    expect(stdout).toContain(`shop (pid ${process.pid})\n`)
    expect(stdout).toMatch(new RegExp(`^├─ ${name} {2}running {2}pool {2}2/2 ready`, 'm'))
    expect(stdout).toMatch(/^│ {2}└─ worker-2 {2}ready {2}worker/m)
    expect(stdout).toMatch(new RegExp(`^└─ app-${process.pid} {2}running {2}supervisor`, 'm'))
    expect(stdout).toMatch(/^ {3}└─ api {2}running/m)
    const { programs } = JSON.parse((await home.run(['tree', '--json'])).stdout) as {
      programs: { pid: number; actors: { id: string }[] }[]
    }
    const own = programs.find(({ pid }) => pid === process.pid)
    expect(own?.actors.map(({ id }) => id)).toContain(`app-${process.pid}/db`)
  })
})

test('status says what is wrong and what repairs it, and its exit code tells the state', async () => {
  await withProgram(async ({ home, pool, name }) => {
    expect(await home.run(['status', `${name}/worker-1`])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`^${name}/worker-1 {2}ready {2}worker\n`)),
    })
    const error = new TerrariumError('CONFIGURATION', 'No module named cv2', {
      hint: 'Pass the option `python`.',
    })
    pool.faults.failStarts('worker-2', { error, times: 1_000 })
    pool.faults.crash('worker-2')
    await eventually('it is parked', () => pool.workers[1]?.state === 'parked')
    const { code, stdout } = await home.run(['status', `${name}/worker-2`])
    expect(code).toBe(78)
    expect(stdout).toMatch(/^ {2}why +CONFIGURATION: .*No module named cv2$/m)
    // In the words of the program, which has options and no command line.
    expect(stdout).toMatch(/^ {2}hint +Pass the option `python`\.$/m)
    expect(stdout).toMatch(/^ {2}failures +2, and 0 wanted restarts$/m)
    const { actor } = JSON.parse((await home.run(['status', `${name}/worker-2`, '--json'])).stdout) as {
      actor: { value: string }
    }
    expect(actor.value).toBe('parked')
  })
})

test('status of what is not there names what is, with exit code 4', async () => {
  await withProgram(async ({ home, name }) => {
    expect(await home.run(['status', 'nothing-of-that-name'])).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/no actor is named nothing-of-that-name\nhint: Give one of these paths: /),
    })
    expect(await home.run(['status', `${name}/worker-1`])).toMatchObject({ code: 0 })
  })
})

test('events tells what has happened, with the number of the cause; --json one object a line', async () => {
  await withProgram(async ({ home, pool, name, observer }) => {
    pool.faults.crash('worker-1')
    await eventually('it is ready again', () => pool.stats.ready === 2 && pool.stats.starts === 3)
    const { code, stdout } = await home.run(['events', '--json', '--of', name])
    expect(code).toBe(0)
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; actor: string; type: string; because: number | null })
    const own = observer.events.filter(({ actor }) => actor.startsWith(name))
    expect(events.map(({ n }) => n)).toEqual(own.map(({ n }) => n))
    const exit = events.find(({ type }) => type === 'worker.exit')
    expect(events.filter(({ because }) => because === exit?.n).map(({ type }) => type)).toContain('worker.ready')
    const { stdout: text } = await home.run(['events', '--of', name])
    expect(text).toMatch(new RegExp(`${name}/worker-1 {2}exited: WORKER_CRASHED: .*\n`))
    expect(text).toMatch(new RegExp(`ready, pid .* because of ${exit?.n ?? 0}\n`))
  })
})

test('events -f goes on until Ctrl-C', async () => {
  await withProgram(async ({ home, pool, name }) => {
    const child = spawn(process.execPath, [COMMAND, 'events', '-f', '--of', name], {
      cwd: home.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    const ran = collect(child)
    await eventually('it tells what has happened', () => seen.includes('worker-2  ready'))
    pool.faults.crash('worker-2')
    await eventually('it tells what happens', () => /worker-2 {2}exited[^]*worker-2 {2}ready/.test(seen))
    child.kill('SIGINT')
    expect(await ran).toMatchObject({ code: 130, stderr: '' })
  })
})

test('open prints the address of the page, with its token, and starts nothing in a pipe', async () => {
  await withProgram(async ({ home, observer }) => {
    const browser = fakeBrowser(home)
    const { code, stdout } = await home.run(['open'], { BROWSER: browser.path, CI: '' })
    expect(code).toBe(0)
    expect(observer.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#t=[\w-]{32}$/)
    expect(stdout).toContain(`shop (pid ${process.pid})  ${observer.address ?? ''}\n`)
    expect(browser.opened()).toEqual([])
  })
})

test('open --actions prints the address with the token for actions, or says what is missing', async () => {
  await withProgram(async ({ home }) => {
    expect(await home.run(['open', '--actions'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('hint: Write `await observe(pool, { page: true, actions: true })`'),
    })
    const app = createSupervisor({ id: `acting-${process.pid}`, children: [] })
    const observer = await observe(app, { name: 'acting', page: true, actions: true })
    try {
      const { code, stdout } = await home.run(['open', '--actions'])
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `acting (pid ${process.pid})  ${observer.actionsAddress ?? ''}\n`,
      })
      expect(observer.actionsAddress).toMatch(/#t=[\w-]{32}&a=[\w-]+$/)
    } finally {
      await observer.stop()
    }
  })
})

test('at a terminal open starts a browser, with a private file, since arguments of programs can be read', async () => {
  await withProgram(async ({ home, observer }) => {
    const browser = fakeBrowser(home)
    const env = { BROWSER: browser.path, CI: '' }
    const { code, stdout } = await home.runAtTerminal(['open'], env)
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(observer.address ?? '') })
    await eventually('the browser was started', () => browser.opened().length > 0)
    const [file = ''] = browser.opened()
    expect(file).toBe(join(dirname(observer.socket ?? ''), 'open.html'))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toContain(`content="0; url=${observer.address ?? ''}"`)
    for (const [args, more] of [
      [['open', '--no-browser'], {}],
      [['open', '--json'], {}],
      [['open'], { CI: 'true' }],
    ] as const) {
      expect(await home.runAtTerminal(args, { ...env, ...more })).toMatchObject({ code: 0 })
    }
    expect(browser.opened()).toEqual([file])
    // A browser that does not start is no failure: the address is there.
    expect(await home.runAtTerminal(['open'], { ...env, BROWSER: '/no/such/browser' })).toMatchObject({ code: 0 })
  })
})

/** A command that notes what it is to open. */
function fakeBrowser(home: Home): { readonly path: string; opened(): readonly string[] } {
  const list = join(home.directory, 'opened')
  const path = home.file('browser', `#!/bin/sh\necho "$*" >> '${list}'\n`)
  chmodSync(path, 0o755)
  return { path, opened: () => (existsSync(list) ? readFileSync(list, 'utf8').trimEnd().split('\n') : []) }
}
