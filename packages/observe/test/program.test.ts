// Kept programs as what is observed: their processes, what they print, and what became of them.
import { expect, test } from '@jest/globals'
import { keep } from '@terrarium/process'
import { eventually } from '../../../test/support/terrarium.ts'
import { habitat, MemoryReader, observing } from './support.ts'

test('a kept program is shown with its process, its life and its last lines, through its restarts', async () => {
  const home = habitat()
  home.expect(/server died: signal SIGKILL/)
  const { options } = home
  const script = 'echo up; echo trouble >&2; exec sleep 60'
  const kept = keep('sh', ['-c', script], {
    ...options,
    name: 'server',
    ready: /^up$/,
    lines: true,
    backoff: { base: 0 },
  })
  const observer = await observing(kept)
  const reader = new MemoryReader()
  const connection = observer.connect(reader)
  try {
    await kept.whenReady()
    const actor = () => reader.last('snap').actors.find(({ id }) => id === 'server/server')
    const look = () => {
      connection.receive('{"t":"since","seq":0}')
      return actor()
    }
    await eventually('it is running', () => look()?.value === 'running')
    expect(look()).toMatchObject({ kind: 'other', incarnation: 1, machine: 'process', life: 'active', pid: kept.pid })
    expect(look()?.rss).toBeGreaterThan(100_000)
    expect(observer.health()).toEqual({ status: 'ready' })
    connection.receive('{"t":"watch","ids":["server/server"]}')
    const lines = () => reader.last('detail').output.map(({ stream, line }) => `${stream} ${line}`)
    await eventually('its lines are told', () => lines().length === 2)
    expect(lines().sort()).toEqual(['stderr trouble', 'stdout up'])

    const { pid = 0 } = kept
    process.kill(pid, 'SIGKILL')
    await eventually('it runs again', () => kept.status === 'running' && kept.pid !== pid)
    await eventually('it is seen again', () => look()?.incarnation === 2 && look()?.pid === kept.pid)
    expect(look()?.restarts).toEqual({ crashes: 1, wanted: 0 })
    const exit = observer.events.find(({ type }) => type === 'child.exit')
    expect(exit).toMatchObject({ actor: 'server/server', text: expect.stringContaining('SIGKILL') })
    await eventually('the lines of both lives are told', () => lines().length === 4)
  } finally {
    await kept.stop()
  }
  expect(observer.health()).toEqual({ status: 'down' })
})

test('what has neither been made by createPool(), createSupervisor() nor keep() is refused', async () => {
  for (const wrong of [{}, { name: 'a', supervisor: {} }, { whenReady: () => undefined, supervisor: {} }]) {
    await expect(observing(wrong as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('keep() has made'),
    })
  }
})
