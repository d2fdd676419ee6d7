import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'

test('npm run demo:replay explains, foretells and replays an incident, and ends by itself', async () => {
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:replay'])
  expect(stdout.trimEnd().split('\n')).toEqual([
    'What would follow if db failed?',
    '  If db failed, it would be started again after 500 ms, together with api, web and mail.',
    '  at 0.0 s: child.exit db',
    '  at 0.0 s: child.backoff db',
    '  at 0.0 s: child.exit mail, because db failed',
    '  at 0.0 s: child.exit web, because db failed',
    '  at 0.0 s: child.exit api, because db failed',
    '  at 0.5 s: child.restart db',
    '  at 0.5 s: child.start db',
    '  at 0.5 s: child.ready db',
    '  at 0.5 s: child.start api, because db failed',
    '  at 0.5 s: child.ready api',
    '  at 0.5 s: child.start web, because db failed',
    '  at 0.5 s: child.ready web',
    '  at 0.5 s: child.start mail, because db failed',
    '  at 0.5 s: child.ready mail',
    '',
    'mail has failed. Why is the rest of the shop down?',
    '  mail failed once with Error: mailbox full and is started again in 300 ms together with db, api and web.',
    '  web is down until mail, which has failed, is started again.',
    '',
    'What would have been different with strategy dependents?',
    '  - at 60.0 s: child.exit web, because mail failed',
    '  - at 60.0 s: child.exit api, because mail failed',
    '  - at 60.0 s: child.exit db, because mail failed',
    '  - at 60.5 s: child.start db, because mail failed',
    '  - at 60.5 s: child.ready db',
    '  - at 60.5 s: child.start api, because mail failed',
    '  - at 60.5 s: child.ready api',
    '  - at 60.5 s: child.start web, because mail failed',
    '  - at 60.5 s: child.ready web',
    '  - at 90.2 s: child.exit mail, because db failed',
    '  - at 90.7 s: child.start mail, because db failed',
    '  - at 90.7 s: child.ready mail',
  ])
  expect(code).toBe(0)
})
