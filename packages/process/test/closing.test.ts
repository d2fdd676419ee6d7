import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { findTagged, openRuntime } from '@terrarium/process'
import { recordingLogger } from '../../../test/support/loggers.ts'
import { freshState, open, python, start } from './support.ts'

/** An interpreter whose shepherd has no containment, and is slow to exit. */
function slowInterpreter(seconds: number): string {
  const path = join(freshState(), 'python')
  const word = '{"type":"unavailable","version":7,"containment":"cgroup","reason":"there is none"}'
  writeFileSync(path, `#!/bin/sh\necho '${word}' >&4\nsleep ${seconds}\nexit 78\n`)
  chmodSync(path, 0o755)
  return path
}

test.each([0, 0.3])(
  'D19: a containment that cannot be had is one error and no alarm, though the shepherd ends %d s later',
  async (seconds) => {
    const { lines, logger } = recordingLogger('warn')
    const stateDir = freshState()
    const options = { python: slowInterpreter(seconds), stateDir, logger, containment: 'cgroup' } as const
    for (let round = 0; round < 3; round++) {
      await expect(openRuntime(options)).rejects.toMatchObject({
        code: 'CONFIGURATION',
        message: 'there is no containment cgroup here: there is none',
      })
      const { installation } = JSON.parse(readFileSync(join(stateDir, 'installation.json'), 'utf8')) as {
        installation: string
      }
      expect(findTagged({ installation })).toEqual([])
      expect(readdirSync(join(stateDir, 'runs'))).toEqual([])
    }
    expect(lines).toEqual([])
  },
)

test('D19: a runtime that is closed while its shepherd starts is closed without an alarm', async () => {
  const { lines, logger } = recordingLogger('warn')
  for (let round = 0; round < 5; round++) {
    const runtime = await openRuntime({ python, stateDir: freshState(), logger })
    expect(await runtime.close()).toEqual({ killed: 0, unreleased: 0, left: [] })
    expect(findTagged({ installation: runtime.installation })).toEqual([])
  }
  expect(lines).toEqual([])
})

test('D5: close() waits for processes that end by themselves within a moment', async () => {
  const { lines, logger } = recordingLogger('warn')
  const runtime = await open(freshState(), logger)
  await start(runtime, 'idle')
  const done = join(freshState(), 'done')
  // The background job begins to work when the process that has started it exits.
  const script = `mkfifo "$0.fifo"; (read -r line < "$0.fifo"; sleep 0.1; : > "$0") & exec 9> "$0.fifo"; echo up >&4; exec sleep 60`
  const process = await runtime.spawn({ name: 'mother', command: 'sh', args: ['-c', script, done] })
  await process.report.setEncoding('utf8').take(1).toArray()
  expect(await runtime.close()).toEqual({ killed: 2, unreleased: 0, left: [] })
  expect(readdirSync(join(done, '..'))).toContain('done')
  expect(lines).toEqual([])
})
