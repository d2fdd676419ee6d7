import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:keep starts a killed server again, and leaves no process', async () => {
  const { stateDir } = habitat()
  const env = { TERRARIUM_STATE_DIR: stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:keep'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^process \d+ answers$/),
    expect.stringMatching(/^killing process \d+$/),
    expect.stringMatching(/^process \d+ answers$/),
    'stopped; processes left: 0',
  ])
  const [first, , second] = stdout.split('\n')
  expect(second).not.toBe(first)
  expect(code).toBe(0)
})
