import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'

test('npm run demo:embedded-supervisor plays its demonstration and ends by itself', async () => {
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:embedded-supervisor'])
  const answers = [...stdout.matchAll(/(GET|POST) (\S+) → (\d+)/g)].map(([, ...answer]) => answer.join(' '))
  expect(answers).toEqual([
    'GET /quote 200',
    'GET /quote 200',
    'GET /quote 503',
    'GET /quote 503',
    'GET /health 200',
    'GET /quote 200',
    'POST /unpark/connection 202',
    'GET /quote 200',
  ])
  expect(stdout).toContain('[{"id":"cache","state":"running","incarnation":1},{"id":"connection","state":"parked",')
  expect(code).toBe(0)
})

test.each(['SIGTERM', 'SIGINT'] as const)('--serve serves until %s, and then ends with 0', async (signal) => {
  let health: Promise<unknown> | undefined
  const serving = run(process.execPath, ['scripts/job.mjs', 'demo:embedded-supervisor', '--serve'], {
    onStdout: (text) => {
      const [url] = /http:\S+(?=;)/.exec(text) ?? []
      if (url === undefined) return
      health ??= fetch(`${url}/health`)
        .then((response) => response.json())
        .finally(() => process.kill(serving.pid, signal))
    },
  })
  expect(await serving).toMatchObject({ code: 0, signal: null })
  expect(await health).toMatchObject([{ id: 'cache', state: 'running' }, { id: 'connection' }])
})
