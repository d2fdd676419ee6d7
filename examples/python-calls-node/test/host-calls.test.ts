import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:host-calls asks Node for prices: a schema, an error that travels, and a nested call', async () => {
  const env = { TERRARIUM_STATE_DIR: habitat().stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:host-calls'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    '2 apples and 4 pears: 4',
    '10 apples, with a rebate: 4.5',
    'articles: apple, pear',
    'wrong arguments: INVALID_ARGUMENT: TerrariumError: the arguments of price: count must be a number',
    'a plum: PYTHON_ERROR, because of Error: no price of plum',
    'the cause is the very error that was thrown',
    'stopped; processes left: 0',
  ])
  expect(code).toBe(0)
})
