import { readdirSync } from 'node:fs'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { launch } from '../src/shepherd/launch.ts'
import { registrationOf } from './registration.ts'
import { isAlive, parentOf, stateOf } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { decoy, familyOf, grandchildOf, onEnd, open, start } from './support.ts'

test('a process that obeys SIGTERM is never killed', async () => {
  const { process: worker } = await start(await open(), 'idle')
  expect(await worker.terminate()).toMatchObject({ code: null, signal: 'SIGTERM', requested: 'term' })
  await worker.released
})

test('24: a process that ignores SIGTERM is killed at its deadline', async () => {
  const { process: worker } = await start(await open(), 'stubborn')
  const first = worker.terminate({ grace: 100 })
  expect(await worker.terminate()).toBe(await first)
  expect(await first).toMatchObject({ code: null, signal: 'SIGKILL', requested: 'kill' })
  await worker.released
})

test('a stopped process is killed at its deadline', async () => {
  const { process: worker } = await start(await open(), 'idle')
  process.kill(worker.pid, 'SIGSTOP')
  await eventually('it is stopped', () => stateOf(worker.pid) === 'T')
  expect(await worker.terminate({ grace: 50 })).toMatchObject({ signal: 'SIGKILL', requested: 'kill' })
})

test('killing a process kills its group', async () => {
  const { process: worker } = await start(await open(), 'grandchild', 'group', 'cleared')
  const grandchild = grandchildOf({ pid: worker.pid, spawn: worker.spawnId })
  expect(isAlive(grandchild)).toBe(true)
  expect(await worker.kill()).toMatchObject({ signal: 'SIGKILL', requested: 'kill' })
  // The grandchild has no spawn tag, so only the signal to the group reaches it.
  await eventually('the grandchild is gone', () => !isAlive(grandchild))
})

test('the exit of a child with a closed pipe can be awaited, or not, any number of times', async () => {
  const child = await launch({ ...registrationOf('1-0'), command: 'sh', args: ['-c', 'read line'], env: {} })
  child.stdin.destroy()
  for (let round = 0; round < 20; round++) {
    child.waitFor(false)
    child.waitFor(true)
  }
  expect(child.stdin.listenerCount('connect')).toBe(0)
  expect(await child.process.reaped).toEqual({ code: 1, signal: null })
})

test('no child of the host is signalled by its number once it has been reaped', async () => {
  // This process is started first, so its exit is reported first.
  const bystander = decoy('import time; print("up", flush=True); time.sleep(60)')
  await once(bystander.stdout, 'data')
  const request = { ...registrationOf('1-0'), command: 'sleep', args: ['60'], env: {} }
  const [first, second] = await Promise.all([launch(request), launch(request)])
  const signalled: number[] = []
  const kill = process.kill.bind(process)
  process.kill = (pid, signal) => {
    signalled.push(pid)
    return kill(pid, signal)
  }
  onEnd(() => (process.kill = kill))

  // All exit in one turn of the event loop: their pids are free before the first exit callback runs.
  const pids = [bystander.pid ?? 0, first.process.pid, second.process.pid]
  for (const pid of pids) kill(pid, 'SIGKILL')
  const end = performance.now() + 20_000
  while (pids.some((pid) => stateOf(pid) !== 'Z')) if (performance.now() > end) throw new Error('they do not die')
  bystander.once('exit', () => {
    for (const each of [first, second]) each.process.signal('SIGKILL', 'group')
  })
  await Promise.all([first.process.reaped, second.process.reaped])
  expect(signalled).toEqual([])
})

test.each([
  ['group', 'ends'],
  ['setsid', 'ends'],
  ['group', 'exit'],
  ['setsid', 'exit'],
])('28: a grandchild (%s) of a process that %s is swept before the reservation is released', async (where, how) => {
  const { process: worker } = await start(await open(), 'grandchild', where, how)
  if (how === 'ends') {
    expect(isAlive(grandchildOf({ pid: worker.pid, spawn: worker.spawnId }))).toBe(true)
    await worker.terminate()
  }
  expect(await worker.exited).toMatchObject(how === 'ends' ? { signal: 'SIGTERM' } : { code: 0, requested: 'none' })
  await worker.released
  expect(familyOf(worker.spawnId)).toEqual([])
})

test('an exit is reported with its code, the last words of standard error, and all of the output', async () => {
  const { process: worker, said } = await start(await open(), 'exit', '3')
  const output = text(worker.stdout)
  expect(said).toBe('leaving')
  const status = await worker.exited
  expect(status).toMatchObject({ code: 3, signal: null, requested: 'none' })
  expect(status.tail).toMatch(/x\nlast words\n$/)
  expect(status.tail).toHaveLength(4096)
  expect(await output).toBe('result\n')
})

test('the output of a process that exits at once can be read right after the spawn', async () => {
  const runtime = await open()
  const request = { name: 'brief', command: 'sh', args: ['-c', 'echo one; head -c 100000 /dev/zero; echo two >&2'] }
  const said = async () => {
    const { stdout, stderr } = await runtime.spawn(request)
    return Promise.all([text(stdout), text(stderr)])
  }
  for (let n = 0; n < 10; n++) expect(await said()).toEqual([`one\n${'\0'.repeat(100_000)}`, 'two\n'])
})

test('the output of a process can be read after its exit', async () => {
  const process = await (await open()).spawn({ name: 'brief', command: 'sh', args: ['-c', 'echo one; echo two >&2'] })
  await process.released
  expect(await Promise.all([text(process.stdout), text(process.stderr)])).toEqual(['one\n', 'two\n'])
})

test('a process whose output is not read does not stop at a full pipe', async () => {
  const { said } = await start(await open(), 'chatty')
  expect(said).toBe('all said')
})

test.each(['stdout', 'stderr', 'report'] as const)(
  'a process whose %s is no longer read does not stop at a full pipe',
  async (name) => {
    const descriptor = { stdout: 1, stderr: 2, report: 4 }[name]
    const process = await (
      await open()
    ).spawn({ name: 'chatty', command: 'sh', args: ['-c', `head -c 2000000 /dev/zero >&${descriptor}; exit 3`] })
    for await (const chunk of process[name] as AsyncIterable<Buffer>) {
      expect(chunk[0]).toBe(0)
      break
    }
    expect(process[name].destroyed).toBe(true)
    expect(await process.exited).toMatchObject({ code: 3 })
  },
)

test('a grandchild that holds standard output delays no exit, leaks no descriptor, and is ended', async () => {
  const runtime = await open()
  await (
    await runtime.spawn({ name: 'first', command: 'true', args: [] })
  ).released
  const before = readdirSync('/proc/self/fd').length
  const { process: worker } = await start(runtime, 'grandchild', 'setsid', 'cleared', 'holds-stdout', 'exit')
  const output = text(worker.stdout)
  await worker.exited
  expect(await output).toBe('')
  await worker.released
  // The grandchild has no spawn tag and a process group of its own: the shepherd, its new parent, finds it.
  expect(familyOf(worker.spawnId)).toEqual([])
  await eventually('its descriptors are closed', () => readdirSync('/proc/self/fd').length <= before)
})

test('two hundred processes leave no descriptor and no zombie', async () => {
  const runtime = await open()
  await runtime.swept
  const round = async () => {
    const batch = await Promise.all(
      Array.from({ length: 10 }, () => runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })),
    )
    await Promise.all(batch.map((each, index) => (index % 2 === 0 ? each.kill() : each.terminate())))
    await Promise.all(batch.map((each) => each.released))
  }
  await round()
  const before = readdirSync('/proc/self/fd').length
  for (let n = 0; n < 20; n++) await round()
  await eventually('no descriptor is left', () => readdirSync('/proc/self/fd').length <= before)
  expect(zombies()).toEqual([])
})

function zombies(): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || stateOf(Number(entry)) !== 'Z') return false
    try {
      return parentOf(Number(entry)) === process.pid
    } catch {
      return false
    }
  })
}
