import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:session holds a model for each mailbox, and says that one was lost with its worker', async () => {
  const env = { TERRARIUM_STATE_DIR: habitat().stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:session'], { env })
  expect(stdout.trim().split('\n')).toEqual([
    '"win a prize at the game" is spam for ada: true, for bob: false',
    'sessions: 2',
    'the worker of ada has crashed: SESSION_LOST, worker_died',
    'bob goes on: false',
    'ada begins anew, with 6 mails: true',
    'sessions: 0',
    'stopped; processes left: 0',
  ])
  expect(code).toBe(0)
})
