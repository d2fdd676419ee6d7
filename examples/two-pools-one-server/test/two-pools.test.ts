import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:two-pools answers from both pools, before and after a worker is killed, and leaves nothing', async () => {
  const { stateDir } = habitat()
  const env = { TERRARIUM_STATE_DIR: stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:two-pools'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    'GET /count?text=a+b+a → 200 {"a":2,"b":1}',
    'GET /factors?n=84 → 200 [2,2,3,7]',
    'killed worker-1 of primes',
    'GET /factors?n=97 → 200 [97]',
    'GET /count?text=still+here → 200 {"still":1,"here":1}',
    'stopped; processes left: 0',
  ])
  expect(code).toBe(0)
})
