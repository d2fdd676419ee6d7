// The strategies of this example: what they plan, and what then happens.
import { expect, test } from '@jest/globals'
import { createSupervisor, supervisor, type SupervisorOptions } from '@terrarium/supervisor'
import { describeRestartStrategy, VirtualClock } from '@terrarium/supervisor/testing'
import { run } from '../../../test/support/command.ts'
import { atNight } from '../src/at-night.ts'
import { drainBeforeRestart } from '../src/drain.ts'
import { failOver, standby } from '../src/fail-over.ts'
import { part } from '../src/part.ts'

const named = (name: string) => (what: string, body: () => void | Promise<void>) => {
  test(`${name}: ${what}`, body)
}

describeRestartStrategy(drainBeforeRestart, {
  test: named('drain'),
  children: ['db', { id: 'api', dependsOn: ['db'], meta: { drains: true } }, { id: 'web', dependsOn: ['db'] }, 'mail'],
})
describeRestartStrategy(failOver({ primary: 'a', standby: 'b' }), { test: named('fail over'), children: ['a', 'b'] })
describeRestartStrategy(atNight(), { test: named('at night'), children: ['db', 'api'] })

const HOUR_MS = 3_600_000
const DAY = Date.UTC(2026, 5, 1, 12)

/** A supervisor on a virtual clock, and what has happened to its children. */
async function started(options: Omit<SupervisorOptions, 'id' | 'clock'>, clock = new VirtualClock()) {
  const app = createSupervisor({ id: 'app', clock, random: () => 0, ...options })
  const log: string[] = []
  const begun = app.start()
  await clock.advance(0)
  await begun
  app.on('child.exit', ({ id }) => log.push(`${clock.now()} exit ${id}`))
  app.on('child.start', ({ id }) => log.push(`${clock.now()} start ${id}`))
  return { app, clock, log }
}

test('drain before restart: the users that drain finish their work, then the failed child starts, then they do', async () => {
  const { app, clock, log } = await started({
    strategy: drainBeforeRestart,
    children: [
      { id: 'db', logic: part },
      { id: 'api', logic: part, dependsOn: ['db'], meta: { drains: true } },
      { id: 'web', logic: part, dependsOn: ['db'], meta: { drains: false } },
      { id: 'mail', logic: part, meta: { drains: true } },
    ],
  })
  app.child('db')?.send({ type: 'crash' })
  await clock.advance(5_000)
  expect(log).toEqual(['0 exit db', '2000 exit api', '2000 start db', '2000 start api'])
  expect(app.children.map(({ state }) => state)).toEqual(['running', 'running', 'running', 'running'])
  await stop(app, clock)
})

const pair = {
  strategy: failOver({ primary: 'primary', standby: 'standby' }),
  children: [
    { id: 'primary', logic: part },
    { id: 'standby', logic: standby(part) },
  ],
}

test('fail over: the second failure in a row starts the standby, and its failures bring the primary back', async () => {
  const { app, clock, log } = await started(pair)
  const states = () => app.children.map(({ state }) => state)
  expect(states()).toEqual(['running', 'stopped'])
  app.child('primary')?.send({ type: 'crash' })
  await clock.advance(1_000)
  expect(states()).toEqual(['running', 'stopped'])
  app.child('primary')?.send({ type: 'crash' })
  await clock.advance(1_000)
  expect(states()).toEqual(['stopped', 'running'])
  for (let crash = 0; crash < 2; crash += 1) {
    app.child('standby')?.send({ type: 'crash' })
    await clock.advance(1_000)
  }
  expect(states()).toEqual(['running', 'stopped'])
  expect(log.map((line) => line.replace(/^\d+ /, ''))).toEqual([
    'exit primary',
    'start primary',
    'exit primary',
    'start standby',
    'exit standby',
    'start standby',
    'exit standby',
    'start primary',
  ])
  await stop(app, clock)
})

test('fail over: which child works is remembered in a snapshot of the supervisor', async () => {
  const first = await started(pair)
  for (let crash = 0; crash < 2; crash += 1) {
    first.app.child('primary')?.send({ type: 'crash' })
    await first.clock.advance(1_000)
  }
  const snapshot: unknown = JSON.parse(JSON.stringify(first.app.ref.getPersistedSnapshot()))
  expect(snapshot).toMatchObject({
    memory: { strategy: { name: 'fail_over', memory: { working: 'standby' } } },
  })
  await stop(first.app, first.clock)
})

test('at night: a failure by day restarts one child, the first one at night restarts all, and only once', async () => {
  const clock = new VirtualClock(0, DAY)
  const { app, log } = await started(
    { strategy: atNight({ from: 1, to: 5 }), children: ['db', 'api'].map((id) => ({ id, logic: part })) },
    clock,
  )
  const crash = async (): Promise<string[]> => {
    log.length = 0
    app.child('api')?.send({ type: 'crash' })
    await clock.advance(10_000)
    return log.map((line) => line.replace(/^\d+ /, ''))
  }
  expect(await crash()).toEqual(['exit api', 'start api'])
  await clock.advance(14 * HOUR_MS)
  expect(await crash()).toEqual(['exit api', 'exit db', 'start db', 'start api'])
  await clock.advance(HOUR_MS / 2)
  expect(await crash()).toEqual(['exit api', 'start api'])
  await stop(app, clock)
})

test('a night may go past midnight', () => {
  const plan = (hour: number) =>
    atNight({ from: 22, to: 4 }).plan(
      { id: 'a' } as never,
      [{ id: 'a', restart: 'permanent' }] as never,
      { time: Date.UTC(2026, 0, 1, hour), memory: ['a'] } as never,
    )
  expect([21, 22, 0, 3, 4].map((hour) => plan(hour).actions !== undefined)).toEqual([false, true, true, true, false])
})

test('the strategies work for supervisors inside supervisors', async () => {
  const { app, clock } = await started({ children: [{ id: 'inner', logic: supervisor({ id: 'inner', ...pair }) }] })
  const inner = () =>
    app.child('inner')?.getSnapshot() as { child(id: string): { ref?: { send(event: object): void } } }
  for (let crash = 0; crash < 2; crash += 1) {
    inner().child('primary').ref?.send({ type: 'crash' })
    await clock.advance(1_000)
  }
  expect(inner().child('standby')).toMatchObject({ state: 'running', incarnation: 2 })
  await stop(app, clock)
})

test('npm run demo:custom-strategy shows the three strategies and ends by itself', async () => {
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:custom-strategy'])
  expect(stdout.trimEnd().split('\n')).toEqual([
    'drain before restart',
    '   0.0 s  db crashes',
    '   2.0 s  api stops: it uses db',
    '   2.0 s  db starts: its users have drained',
    '   2.0 s  api starts: it uses db',
    '  then db is running, api is running, web is running',
    'fail over to a standby',
    '   0.0 s  primary crashes',
    '   0.0 s  primary starts',
    '   0.0 s  primary crashes',
    '   0.0 s  standby starts: it takes over from primary',
    '  then primary is stopped, standby is running',
    'restart the tree at night only',
    '   0.0 s  api crashes',
    '   0.0 s  api starts',
    '   0.0 s  api crashes',
    '   2.0 s  db stops: it is night, and api failed since the last restart',
    '   2.0 s  db starts: it is night, and api failed since the last restart',
    '   2.0 s  api starts: it is night, and api failed since the last restart',
    '  then db is running, api is running',
  ])
  expect(code).toBe(0)
})

async function stop(app: { stop(): Promise<void> }, clock: VirtualClock): Promise<void> {
  const stopped = app.stop()
  await clock.advance(10_000)
  await stopped
  expect(clock.pending).toBe(0)
}
