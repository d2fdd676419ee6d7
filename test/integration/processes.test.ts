// What the scans of the system, which tests rely on, say of processes that have ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { commandOf, stateOf } from '../../scripts/processes.mjs'
import { isShepherd } from '../support/processes.ts'
import { eventually } from '../support/waiting.ts'

test('a process that has ended and is not reaped yet has no command, and is not taken for a worker', async () => {
  // The shell itself would reap what ends before it has become `sleep`.
  const untilSleep = '(until read name </proc/$$/comm && [ "$name" = sleep ]; do :; done)'
  const parent = spawn('sh', ['-c', `${untilSleep} & echo $!; exec sleep 60`], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const zombie = Number(line.toString())
    await eventually('it has ended', () => stateOf(zombie) === 'Z')
    expect(commandOf(zombie)).toBeUndefined()
    expect(isShepherd(zombie)).toBe(true)
    await eventually('its parent sleeps', () => commandOf(parent.pid)?.[0] === 'sleep')
    expect(commandOf(parent.pid)).toEqual(['sleep', '60'])
  } finally {
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  }
})
