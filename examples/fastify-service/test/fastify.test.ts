import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:fastify shows health, back-pressure, a client that leaves, and an orderly stop', async () => {
  const env = { TERRARIUM_STATE_DIR: habitat().stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:fastify'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    'health: 200 {"status":"running","ready":1,"queued":0}',
    'one client: 200 {"a":2,"b":1}',
    expect.stringMatching(/^a wrong request: 400 {"code":"INVALID_ARGUMENT",.*'text'/),
    'six clients at once: 4 answered, 2 refused',
    'refused: 503, retry after 1 s {"code":"POOL_SATURATED","message":"pool text: 2 calls are waiting already"}',
    'a client has left, and its call is cancelled',
    'under way at SIGTERM: 200 {"still":1,"here":1}',
    'stopped; processes left: 0',
  ])
  expect(code).toBe(0)
})
