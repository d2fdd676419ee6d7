import { expect, test } from '@jest/globals'
import { describeRestartStrategy } from '@terrarium/supervisor/testing'
import { run } from '../../../test/support/command.ts'
import { dependents } from '../src/dependents.ts'

describeRestartStrategy(dependents({ api: ['db'], mail: ['queue'], web: ['api'] }), {
  test,
  children: ['db', 'queue', 'api', 'mail', 'web'],
})

const view = {
  restart: 'permanent',
  type: 'worker',
  incarnation: 1,
  uptime: 5,
  meta: undefined,
  dependsOn: [],
} as const
const running = { ...view, state: 'running' } as const
const failure = { error: new Error('crashed'), class: 'unknown', fingerprint: 'a', attempts: 1, at: 5 } as const
const context = {
  supervisor: 'app',
  phase: 'run',
  failure: { ...failure, phase: 'run', uptime: 5, reason: { type: 'killed' } },
  proposal: { action: 'restart', delay: 0 },
  memory: undefined,
  now: 5,
  time: 5,
} as const

test.each([
  ['a child that no other child uses', {}, ['b']],
  ['users', { c: ['a', 'b'], d: ['a'] }, ['b', 'c']],
  ['users of users, once each', { c: ['b'], d: ['b', 'c'] }, ['b', 'c', 'd']],
])('%s', (_, uses, expected) => {
  const children = ['a', 'b', 'c', 'd'].map((id) => ({ id, ...running }))
  expect(dependents(uses).plan({ id: 'b', ...running }, children, context)).toEqual({ restart: expected })
})

test('npm run demo:custom-strategy restarts every child that uses the failed child, leaves the rest alone, and ends by itself', async () => {
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:custom-strategy'])
  expect(stdout.trim().split('\n')).toEqual([
    'db crashes, web stops, api stops, db starts, api starts, web starts',
    'db 2, queue 1, api 2, mail 1, web 2',
    'queue crashes, mail stops, queue starts, mail starts',
    'db 2, queue 2, api 2, mail 2, web 2',
  ])
  expect(code).toBe(0)
})
