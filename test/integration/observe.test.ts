// A real pool under an observer: what a missing module and a killed worker look like to a reader of its socket.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { observe } from '@terrarium/observe'
import { takePicture, type ActorView } from '@terrarium/observe/client'
import { createPool } from '@terrarium/pool'
import { eventually, habitat, testPython, TOOLS } from '../support/terrarium.ts'

async function worker(socket: string | undefined): Promise<ActorView> {
  const { snap } = await takePicture(socket ?? '')
  const found = snap.actors.find(({ kind }) => kind === 'worker')
  if (found === undefined) throw new Error('there is no worker in the picture')
  return found
}

test('a missing module is in the verdict, with the interpreter and the command, until it is there', async () => {
  const home = habitat()
  home.expectedErrors.push(/nowhere_to_be_found/)
  const tools = home.file(
    'tools.py',
    'import nowhere_to_be_found\nfrom terrarium import tool\n@tool\ndef f(): return 1\n',
  )
  const pool = createPool({ ...home.common, name: 'ocr', tools, env: { PYTHONPATH: home.directory } })
  const observer = await observe(pool)
  try {
    await expect(pool.start()).rejects.toMatchObject({ code: 'CONFIGURATION' })
    const { snap } = await takePicture(observer.socket ?? '')
    const [verdict] = snap.verdict
    expect(verdict).toMatchObject({ level: 'bad', actor: 'ocr/worker-1' })
    expect(verdict?.text).toMatch(/^ocr\/worker-1 is parked: .*nowhere_to_be_found/)
    const { value, diagnosis } = await worker(observer.socket)
    expect(value).toBe('parked')
    expect(diagnosis?.facts).toContainEqual(['module', 'nowhere_to_be_found'])
    expect(diagnosis?.facts.find(([name]) => name === 'interpreter')?.[1]).toBe(testPython())
    expect(diagnosis?.command).toBe(verdict?.command)
    writeFileSync(join(home.directory, 'nowhere_to_be_found.py'), '')
    await eventually('the worker is ready', () => pool.stats.ready === 1)
    expect((await takePicture(observer.socket ?? '')).snap.verdict).toEqual([
      { level: 'good', text: 'All workers are ready: 1 of 1.' },
    ])
  } finally {
    await pool.stop()
    await observer.stop()
  }
})

test('a killed worker is one crash, with its signal, and what its tools printed stays', async () => {
  const home = habitat()
  const tools = home.file('tools.py', 'from terrarium import tool\n@tool\ndef f():\n    print("hello from f")\n')
  const pool = createPool({ ...home.common, name: 'text', tools, output: 'ignore' })
  const observer = await observe(pool)
  try {
    await pool.start()
    await pool.call('f')
    const before = await worker(observer.socket)
    expect(before).toMatchObject({ value: 'ready', pid: pool.workers[0]?.pid, restarts: { crashes: 0, wanted: 0 } })
    expect(before.rss).toBeGreaterThan(1_000_000)
    process.kill(before.pid ?? 0, 'SIGKILL')
    await eventually('its successor is ready', () => pool.stats.ready === 1 && pool.stats.crashes === 1)
    expect(await worker(observer.socket)).toMatchObject({ incarnation: 2, restarts: { crashes: 1, wanted: 0 } })
    const exit = observer.events.find(({ type }) => type === 'worker.exit')
    expect(exit?.text).toMatch(/WORKER_CRASHED: .*SIGKILL/)
    expect(observer.events.filter(({ because }) => because === exit?.n).map(({ type }) => type)).toEqual([
      'worker.start',
      'worker.ready',
    ])
    const { details } = await takePicture(observer.socket ?? '', ['text/worker-1'])
    expect(details[0]?.output.map(({ stream, line }) => [stream, line])).toEqual([['stdout', 'hello from f']])
  } finally {
    await pool.stop()
    await observer.stop()
  }
})

test('calls are answered while readers look, and the picture counts them', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 2 })
  const observer = await observe(pool)
  try {
    await pool.start()
    const pictures = Array.from({ length: 5 }, () => takePicture(observer.socket ?? ''))
    const echoes = Array.from({ length: 100 }, (_, n) => pool.call('echo', { value: n }))
    expect(await Promise.all(echoes)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    for (const { snap } of await Promise.all(pictures)) expect(snap.g.size).toBe(2)
    expect((await takePicture(observer.socket ?? '')).snap.g).toMatchObject({ accepted: 100, failed: 0, queued: 0 })
  } finally {
    await pool.stop()
    await observer.stop()
  }
})
