import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { lastLine, ROOT, run } from '../support/command.ts'
import { processesWith } from '../support/processes.ts'
import { eventually } from '../support/terrarium.ts'

/**
 * Starts a short suite of the runner, and answers once a command of it runs. All its processes carry a variable of
 * their own.
 */
async function underWay(command: string, args: readonly string[], processes = 3) {
  const [name, value] = ['RUNNER_TEST', randomBytes(8).toString('hex')]
  const variable = `${name}=${value}`
  let said = ''
  const running = run(command, args, { env: { [name]: value }, onStdout: (text) => (said = text) })
  // The runner, its guard and its command, and perhaps npm and its shell.
  await eventually('a suite is under way', () => processesWith(variable).length >= processes)
  return { running, variable, said: () => said }
}

test.each([
  ['the runner', process.execPath, ['scripts/job.mjs', 'test', 'types'], 3],
  ['npm', 'npm', ['test', '--silent', '--', 'types'], 5],
])('when %s is killed, no process that the tests have started is left', async (_, command, args, processes) => {
  const { running, variable, said } = await underWay(command, args, processes)
  process.kill(running.pid, 'SIGKILL')
  expect(await running).toMatchObject({ signal: 'SIGKILL' })
  await eventually('nothing is left', () => processesWith(variable).length === 0, 5_000)
  expect(said()).not.toContain('passed')
})

test('the runner that ends by itself leaves no guard behind', async () => {
  const { running, variable } = await underWay(process.execPath, ['scripts/job.mjs', 'test', 'prose'])
  expect(lastLine((await running).stdout)).toBe('2 passed, 0 failed')
  await eventually('nothing is left', () => processesWith(variable).length === 0, 5_000)
})

test('a run that crashes leaves no counts of an earlier run for the rest to add to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-runner-'))
  try {
    for (const name of ['scripts', 'package.json', 'jest.config.mjs']) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    }
    const counts = join(folder, '.setup', 'reports', 'counts.json')
    mkdirSync(join(folder, '.setup', 'reports'), { recursive: true })
    cpSync(join(ROOT, 'package.json'), counts)
    const env = { TERRARIUM_PYTHON: '/no/such/python' }
    const only = await run(process.execPath, ['scripts/job.mjs', 'test', 'types'], { cwd: folder, env })
    expect([only.code, lastLine(only.stdout), existsSync(counts)]).toEqual([1, '0 passed, 1 failed', true])
    const all = await run(process.execPath, ['scripts/job.mjs', 'test'], { cwd: folder, env })
    expect([all.code, lastLine(all.stdout), existsSync(counts)]).toEqual([1, '0 passed, 1 failed', false])
    expect(all.stderr).toContain('/no/such/python')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
