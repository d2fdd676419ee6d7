import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { fromProgram, keep } from '@terrarium/process'
import { createActor, waitFor, type InspectionEvent } from 'xstate'
import { silent } from '../../../test/support/loggers.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { onEnd, open } from './support.ts'

/** The states that an inspector has seen of the machine `program`, without repetitions. */
function inspected() {
  const states: string[] = []
  const inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep' && event.type !== '@xstate.snapshot') return
    const { machine, value } = event.snapshot as { machine?: { id: string }; value?: string | object }
    if (machine?.id !== 'program' || value === undefined) return
    const state = typeof value === 'string' ? value : String(Object.keys(value)[0])
    if (states.at(-1) !== state) states.push(state)
  }
  return { states, inspect }
}

const LIFE = ['reserved', 'spawning', 'awaitingReady', 'active', 'terminating', 'terminated']

test('a kept program goes through the states of a life in the inspector, each time that it is started', async () => {
  const { states, inspect } = inspected()
  const kept = keep('sh', ['-c', 'echo up; exec sleep 60'], {
    runtime: await open(),
    logger: silent,
    ready: /^up$/,
    inspect,
  })
  onEnd(() => kept.stop())
  await kept.whenReady()
  const first = kept.pid ?? 0
  process.kill(first, 'SIGKILL')
  await eventually('it runs again', () => kept.status === 'running' && kept.pid !== first)
  await kept.stop()
  expect(states).toEqual([...LIFE, ...LIFE])
})

test('a program that is stopped before it is started has never been active', async () => {
  const { states, inspect } = inspected()
  const logic = fromProgram('sleep', ['60'], { runtime: await open(), ready: /^never$/ })
  const actor = createActor(logic, { inspect })
  actor.start()
  actor.send({ type: 'supervisor.shutdown' })
  expect(actor.getSnapshot()).toMatchObject({ phase: 'stopping', pid: undefined })
  await waitFor(actor, ({ status }) => status !== 'active').catch(() => undefined)
  expect(states).toEqual(['reserved', 'terminating', 'terminated'])
})

const packages = fileURLToPath(new URL('../..', import.meta.url))

/** The source files of `process`, `worker`, `pool` and `cli` that match, each as often as it matches. */
function filesWith(pattern: RegExp): string[] {
  const files = ['process', 'worker', 'pool', 'cli'].flatMap((name) =>
    readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(name, 'src', file)),
  )
  return files.sort().flatMap((file) => {
    const found = readFileSync(join(packages, file), 'utf8').match(pattern) ?? []
    return found.map(() => file.replace('/src/', '/'))
  })
}

test('there is one way to kill a process of a run, one start time-out and one explanation of exits', () => {
  const ofProcess = 'process/life/os-process.ts'
  // SIGKILL goes to the process first, and half a second later to its group.
  expect(filesWith(/signal\('SIGKILL'/g)).toEqual([ofProcess, ofProcess])
  // This file carries the order out for the children of this host.
  expect(filesWith(/process\.kill\([^)]/g)).toEqual(['process/shepherd/launch.ts'])
  // A program that is started to print its version belongs to no run.
  expect(filesWith(/killSignal/g)).toEqual(['process/interpreter.ts'])
  expect(filesWith(/\bstartTimer\(/g)).toEqual(['process/life/driver.ts', 'process/pacing/patience.ts'])
  expect(filesWith(/START_TIMEOUT\w* = /g)).toEqual(['process/life/driver.ts'])
  expect(filesWith(/function explainExit\b/g)).toEqual(['process/life/explain-exit.ts'])
})
