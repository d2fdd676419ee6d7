import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { findTagged, openRuntime, type Runtime } from '@terrarium/process'
import type { Logger } from 'pino'
import {
  CONTAINMENTS,
  SILENT_FILE_SYSTEM,
  testUnless,
  withoutContainments,
  withoutSilentFileSystem,
} from '../../../test/support/when.ts'
import { recordingLogger, silent } from '../../../test/support/loggers.ts'
import { isAlive, stateOf } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import {
  ended,
  familyOf,
  firstLine,
  freshState,
  grandchildOf,
  killWithShepherd,
  onEnd,
  open,
  python,
  shepherdsOf,
  start,
  startHost,
} from './support.ts'

/** A program that becomes a daemon with an empty environment, prints a line, and stays. */
const DAEMON = `
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "60"], {})
    os._exit(0)
os.wait()
os.write(4, b"left\\n")
time.sleep(60)
`

const mountSilent = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'silent-'))
  const holder = spawn(python, ['-I', '-c', SILENT_FILE_SYSTEM, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  onEnd(async () => {
    holder.stdin.end()
    await ended(holder)
    rmdirSync(folder)
  })
  const [said] = (await once(holder.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('mounted\n')
  return folder
}

const daemonised = async (runtime: Runtime) => {
  const process = await runtime.spawn({ name: 'daemon', command: python, args: ['-I', '-c', DAEMON] })
  expect(await firstLine(process)).toBe('left')
  return { process, daemon: grandchildOf({ pid: process.pid, spawn: process.spawnId }) }
}

const lacks = await withoutContainments()

testUnless(withoutSilentFileSystem())(
  'with each containment a program on a file system that does not answer is refused, and other starts do not wait for ever',
  async () => {
    const contained = CONTAINMENTS.filter((containment) => lacks[containment] === undefined)
    expect(contained).toContain('shepherd')
    // The cases run side by side, because each shepherd waits for 5 s.
    const tries = contained.map(async (containment) => {
      const folder = await mountSilent()
      const runtime = await open(freshState(), silent, { containment })
      const [hanging, other] = await Promise.allSettled([
        runtime.spawn({ name: 'hanging', command: join(folder, 'program'), args: [] }),
        start(runtime, 'idle'),
      ])
      const closed = await runtime.close()
      const hint = expect.stringContaining(folder)
      expect({ containment, hanging, other }).toMatchObject({
        containment,
        hanging: { reason: { code: 'START_FAILED', details: { code: 'ETIMEDOUT' }, hint } },
        other: { value: { said: 'armed' } },
      })
      expect({ containment, closed }).toEqual({ containment, closed: { killed: 1, unreleased: 0, left: [] } })
    })
    await Promise.all(tries)
  },
)

describe.each(CONTAINMENTS)('with containment %s', (containment) => {
  const testContained = testUnless(lacks[containment])
  const openContained = (logger?: Logger) => open(freshState(), logger, { containment })

  testContained('the runtime reports the level', async () => {
    const runtime = await openContained()
    expect(await runtime.containment()).toEqual({ level: containment, missing: {} })
    await runtime.close()
    await expect(runtime.containment()).rejects.toMatchObject({ code: 'STOPPED' })
  })

  testContained('a killed shepherd takes its processes with it, and a new one takes over', async () => {
    const { lines, logger } = recordingLogger('warn')
    const runtime = await openContained(logger)
    await runtime.swept
    const workers = await Promise.all(['idle', 'gil', 'stubborn'].map((mode) => start(runtime, mode)))
    expect(workers.map(({ said }) => said)).toEqual(['armed', 'armed', 'armed'])
    const pids = workers.map(({ process }) => process.pid)
    const { process: mother, daemon } = await daemonised(runtime)
    const shepherds = shepherdsOf(runtime)
    expect(shepherds).toHaveLength(containment === 'shepherd' ? 1 : 2)

    process.kill(shepherds.at(-1) ?? 0, 'SIGKILL')
    const exits = await Promise.all(workers.map(({ process: worker }) => worker.exited))
    expect(exits).toMatchObject([1, 2, 3].map(() => ({ signal: 'SIGKILL', requested: 'none' })))
    await Promise.all([mother, ...workers.map(({ process: worker }) => worker)].map((each) => each.released))
    expect([...pids, ...shepherds, mother.pid, daemon].filter(isAlive)).toEqual([])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('the shepherd has died')

    expect((await start(runtime, 'idle')).said).toBe('armed')
    expect(shepherdsOf(runtime).filter((pid) => shepherds.includes(pid))).toEqual([])
    expect(await runtime.containment()).toEqual({ level: containment, missing: {} })
    expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
  })

  testContained(
    'descendants of an exited process are ended, though the shepherd is killed before it has ended them',
    async () => {
      const runtime = await openContained()
      const many = `import os, subprocess, time
for _ in range(150): subprocess.Popen(['sleep', '60'], env={'PATH': os.environ['PATH']}, start_new_session=True)
print('left', flush=True)
time.sleep(60)`
      const mother = await runtime.spawn({ name: 'mother', command: python, args: ['-I', '-S', '-c', many] })
      await once(mother.stdout, 'data')
      expect(familyOf(mother.spawnId)).toHaveLength(151)
      const [shepherd = 0] = shepherdsOf(runtime).slice(-1)
      process.kill(mother.pid, 'SIGKILL')
      await mother.exited
      process.kill(shepherd, 'SIGKILL')
      await mother.released
      expect(familyOf(mother.spawnId)).toEqual([])
      await runtime.close()
    },
  )

  testContained(
    'descendants of a process are ended, though the shepherd is killed before it has reported the start',
    async () => {
      const { lines: errors, logger } = recordingLogger('error')
      const runtime = await openContained(logger)
      await runtime.containment()
      const shepherd = shepherdsOf(runtime).at(-1) ?? 0
      const spawns: string[] = []
      // The fourth stops the shepherd while it starts others, before it tells of any of them; inside a namespace no
      // process can.
      const leave = 'for _ in 1 2 3; do env -i setsid sleep 60 & done'
      const wanted = Array.from({ length: 12 }, (_, index) => {
        const stop = index === 3 ? `[ $PPID = ${shepherd} ] && kill -STOP $PPID` : ':'
        const args = ['-c', `${leave}; ${stop}; sleep 60`]
        return runtime.spawn({ name: 'sh', command: 'sh', args, onReserved: (spawn) => spawns.push(spawn) })
      })
      const outcomes = Promise.allSettled(wanted)
      await eventually('the fourth has left something', () => spawns.slice(3, 4).flatMap(familyOf).length === 5)
      process.kill(shepherd, 'SIGKILL')
      // The next shepherd may have started the last processes.
      const refused = (await outcomes).flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []))
      if (containment !== 'pidns') expect(refused.length).toBeGreaterThan(0)
      for (const error of refused) expect(error).toMatchObject({ code: 'START_FAILED' })
      expect(await runtime.close()).toMatchObject({ unreleased: 0, left: [] })
      expect(spawns.flatMap(familyOf)).toEqual([])
      // close() has not disturbed the reaper, which has killed the strays.
      expect(errors).toEqual([expect.stringContaining('the shepherd has died')])
    },
  )

  testContained(
    'a runtime whose shepherd is stopped can be closed, also while something is being started',
    async () => {
      const runtime = await openContained()
      const { process: idle } = await start(runtime, 'idle')
      const shepherds = shepherdsOf(runtime)
      for (const pid of shepherds) process.kill(pid, 'SIGSTOP')
      await eventually('the shepherd is stopped', () => shepherds.every((pid) => stateOf(pid) === 'T'))
      const starting = runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
      expect(await runtime.close()).toEqual({ killed: 2, unreleased: 0, left: [] })
      expect(await (await starting).exited).toMatchObject({ signal: 'SIGKILL', requested: 'kill' })
      expect([idle.pid, ...shepherds].filter(isAlive)).toEqual([])
    },
  )

  testContained('a process that has exited before its host reads the start has started all the same', async () => {
    const runtime = await openContained()
    await runtime.containment()
    for (let round = 0; round < 30; round++) {
      const starting = runtime.spawn({
        name: 'true',
        command: 'true',
        args: [],
        // When the host reads the news, everything has happened and been reported.
        onReserved: () => setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30)),
      })
      expect(await (await starting).exited).toMatchObject({ code: 0, requested: 'none' })
    }
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })

  testContained('a shepherd that is killed during much output does not harm its host', async () => {
    const runtime = await openContained()
    const flood = `import os\nwhile True: os.write(1, b'x' * 65536)`
    for (let round = 0; round < 5; round++) {
      const speakers = await Promise.all(
        [1, 2, 3].map(() => runtime.spawn({ name: 'flood', command: python, args: ['-I', '-S', '-c', flood] })),
      )
      await Promise.all(
        speakers.map(async ({ stdout }) => {
          let bytes = 0
          for await (const chunk of stdout as AsyncIterable<Buffer>) if ((bytes += chunk.length) > 1_000_000) break
          expect(bytes).toBeGreaterThan(1_000_000)
        }),
      )
      process.kill(shepherdsOf(runtime).at(-1) ?? 0, 'SIGKILL')
      const exits = await Promise.all(speakers.map(({ exited }) => exited))
      expect(exits).toMatchObject([1, 2, 3].map(() => ({ signal: 'SIGKILL', requested: 'none' })))
    }
    expect((await start(runtime, 'idle')).said).toBe('armed')
    expect(await runtime.close()).toEqual({ killed: 1, unreleased: 0, left: [] })
  })

  testContained('a start during the death of the shepherd succeeds or is refused, and leaves no process', async () => {
    const runtime = await openContained()
    const { process: first } = await start(runtime, 'idle')
    const wanted = Array.from({ length: 20 }, () => runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] }))
    process.kill(shepherdsOf(runtime).at(-1) ?? 0, 'SIGKILL')
    const outcomes = await Promise.allSettled(wanted)
    for (const outcome of outcomes) {
      // The next shepherd may have started the last processes.
      if (outcome.status === 'fulfilled') expect(await outcome.value.kill()).toMatchObject({ signal: 'SIGKILL' })
      else expect(outcome.reason).toMatchObject({ code: 'START_FAILED' })
    }
    await first.released
    expect(runtime.census()).toEqual([])
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
  })

  testContained('a daemon without a spawn tag does not outlive its parent', async () => {
    const runtime = await openContained()
    const one = await daemonised(runtime)
    const other = await daemonised(runtime)
    expect([one, other].map(({ daemon }) => isAlive(daemon))).toEqual([true, true])
    await one.process.kill()
    await one.process.released
    expect([one, other].map(({ daemon }) => isAlive(daemon))).toEqual([false, true])
    await runtime.close()
    expect(isAlive(other.daemon)).toBe(false)
  })

  testContained('the shepherd ends everything when the host is killed, even when it was stopped itself', async () => {
    const host = startContained('stubborn', 'grandchild setsid cleared', 'gil')
    const { children, shepherds } = await host.next()
    const family = children.flatMap(({ spawn }) => familyOf(spawn))
    expect(family).toHaveLength(4)
    for (const pid of shepherds) process.kill(pid, 'SIGSTOP')
    await eventually('the shepherd is stopped', () => shepherds.every((pid) => stateOf(pid) === 'T'))
    host.child.kill('SIGKILL')
    await ended(host.child)
    await eventually('everything is gone', () => ![...family, ...shepherds].some(isAlive), 2000)
  })

  testContained(
    'when host and shepherd are killed in one moment, only a namespace ends daemons at once, and the next runtime the others',
    async () => {
      const host = startContained('grandchild setsid', 'grandchild setsid cleared')
      const facts = await host.next()
      const [marked = [], unmarked = []] = facts.children.map(({ pid, spawn }) =>
        familyOf(spawn).filter((each) => each !== pid),
      )
      expect([marked, unmarked].map(({ length }) => length)).toEqual([1, 1])
      await killWithShepherd(host, facts)
      const pids = facts.children.map(({ pid }) => pid)
      await eventually('its direct children are gone', () => !pids.some(isAlive), 2000)
      if (containment === 'pidns') await eventually('all are gone', () => ![...marked, ...unmarked].some(isAlive), 2000)
      const left = [...marked, ...unmarked].filter(isAlive)
      expect(left).toEqual(containment === 'pidns' ? [] : [...marked, ...unmarked])
      // The next runtime kills all of these processes.
      const report = await (await open(facts.stateDir)).swept
      expect(report).toMatchObject({ swept: [facts.run], left: [] })
      expect(left.filter(isAlive)).toEqual([])
    },
  )

  const startContained = (...children: string[]) => {
    process.env['TERRARIUM_CONTAINMENT'] = containment
    onEnd(() => delete process.env['TERRARIUM_CONTAINMENT'])
    return startHost(freshState(), 'hold', ...children)
  }
})

test('a hundred processes at once are started, and ended', async () => {
  const runtime = await open()
  const spawned = await Promise.all(
    Array.from({ length: 100 }, () => runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })),
  )
  expect(
    runtime
      .census()
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual(spawned.map(({ pid }) => pid).sort())
  expect(await runtime.close()).toEqual({ killed: 100, unreleased: 0, left: [] })
})

test('a containment that does not exist is refused before anything starts', async () => {
  const stateDir = freshState()
  const options = { python, stateDir, logger: silent, containment: 'bastille' as 'pidns' }
  await expect(openRuntime(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(readdirSync(stateDir)).toEqual([])
})

test('a host with nothing to do ends by itself, with its shepherd', async () => {
  const host = startHost(freshState(), 'nothing')
  const { installation } = await host.next()
  await ended(host.child)
  expect(host.child.exitCode).toBe(0)
  await eventually('the shepherd is gone', () => findTagged({ installation }).length === 0, 2000)
})

test('an interpreter that runs no shepherd is a clear error of the first start', async () => {
  const runtime = await openRuntime({ python: '/bin/true', stateDir: freshState(), logger: silent })
  onEnd(() => runtime.close())
  const error: unknown = await runtime
    .spawn({ name: 'x', command: 'true', args: [] })
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'START_FAILED' })
  expect((error as Error).message).toContain('the shepherd has ended before its first word: exit status 0')
  expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
})
