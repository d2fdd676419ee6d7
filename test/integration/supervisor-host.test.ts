import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { lastLine, run } from '../support/command.ts'

const MISBEHAVE = fileURLToPath(new URL('../support/misbehave.mjs', import.meta.url))

test('whatever children and their observers do, no error gets out, every start has its exit, and the process ends by itself', async () => {
  const { code, signal, stdout, stderr } = await run(process.execPath, [MISBEHAVE])
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  const { uncaught, starts, exits, states } = JSON.parse(lastLine(stdout)) as {
    uncaught: string[]
    starts: Record<string, number>
    exits: Record<string, number>
    states: Record<string, string>
  }
  expect(uncaught).toEqual([])
  expect(exits).toEqual(starts)
  // Children that fail by themselves have used up their restarts. The clean-up that throws had no reason to run before the end.
  const { cleanUp, ...failing } = states
  expect(cleanUp).toBe('running')
  expect(Object.keys(failing)).toHaveLength(17)
  expect(new Set(Object.values(failing))).toEqual(new Set(['parked']))
})
