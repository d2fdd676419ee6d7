import { expect, test } from '@jest/globals'
import { keep, type KeepOptions, type Kept, type Runtime } from '@terrarium/process'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { onEnd, open, shepherdsOf } from './support.ts'

interface Watched {
  readonly kept: Kept
  readonly runtime: Runtime
  readonly pid: number
  /** How often it was started. */
  readonly starts: () => number
  /** The events of the program since it was ready. */
  readonly told: string[]
}

async function start(script: string, options: KeepOptions = {}): Promise<Watched> {
  const runtime = await open()
  const kept = keep('sh', ['-c', script], { logger: silent, ready: /^up$/, ...options, runtime })
  onEnd(() => kept.stop())
  const told: string[] = []
  for (const event of ['program.start', 'program.held', 'child.exit'] as const) {
    kept.on(event, () => told.push(event))
  }
  await kept.whenReady()
  expect(told.splice(0)).toEqual(['program.start'])
  const { pid = 0 } = kept
  expect(isAlive(pid)).toBe(true)
  return { kept, runtime, pid, told, starts: () => 1 + told.filter((event) => event === 'program.start').length }
}

const STAYS = 'echo up; exec sleep 60'
/** A script that exits with a status of its own on SIGTERM. */
const OBEYS = (status: number): string => `trap 'exit ${status}' TERM INT HUP USR2; sleep 60 & echo up; wait`

test.each<[NodeJS.Signals, string]>([
  ['SIGTERM', STAYS],
  ['SIGINT', OBEYS(130)],
  ['SIGHUP', STAYS],
  ['SIGUSR2', STAYS],
  ['SIGTERM', OBEYS(0)],
  ['SIGTERM', OBEYS(143)],
  ['SIGTERM', OBEYS(1)],
])(
  'D3: a program that %s to the whole application has ended is not started again while the host drains: %s',
  async (signal, script) => {
    const { kept, runtime, pid, told, starts } = await start(script)
    for (const each of [...shepherdsOf(runtime), pid]) process.kill(each, signal)
    await eventually('it is held', () => told.includes('program.held'))
    expect(runtime.signalled?.signal).toBe(signal)
    await kept.stop()
    expect([starts(), kept.status, told]).toEqual([1, 'stopped', ['program.held', 'child.exit']])
  },
)

test('D3: a program that the signal reaches before the host is not started again either', async () => {
  const { kept, runtime, pid, told, starts } = await start(STAYS)
  process.kill(pid, 'SIGTERM')
  await eventually('it has ended', () => !isAlive(pid))
  for (const each of shepherdsOf(runtime)) process.kill(each, 'SIGTERM')
  await eventually('it is held', () => told.includes('program.held'))
  await kept.stop()
  expect(starts()).toBe(1)
})

test('D3: a signal to the program alone, or a kill, is a reason to start it again', async () => {
  const { kept, runtime, pid, told } = await start(STAYS)
  process.kill(pid, 'SIGTERM')
  await eventually(
    'it runs again',
    () => kept.status === 'running' && kept.pid !== pid && told.includes('program.start'),
  )
  for (const each of shepherdsOf(runtime)) process.kill(each, 'SIGTERM')
  await eventually('the application is signalled', () => runtime.signalled !== undefined)
  const again = kept.pid ?? 0
  process.kill(again, 'SIGKILL')
  await eventually('it runs again', () => kept.pid !== undefined && kept.pid !== again && isAlive(kept.pid))
  expect(told).not.toContain('program.held')
})

test('D3: a host that goes on after the signal gets its program back', async () => {
  const clock = new VirtualClock()
  const { kept, runtime, pid, told } = await start(STAYS, { clock })
  for (const each of [...shepherdsOf(runtime), pid]) process.kill(each, 'SIGTERM')
  await eventually('it is held', () => told.includes('program.held'))
  await clock.advance(89_999)
  expect(told).toEqual(['program.held'])
  await clock.advance(1)
  await eventually('it runs again', () => told.includes('program.start'))
  await kept.whenReady()
  expect(isAlive(kept.pid ?? 0)).toBe(true)
})
