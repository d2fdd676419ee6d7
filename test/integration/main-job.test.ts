import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { run } from '../support/command.ts'
import { environment, expectSameFigures, job } from '../support/main-job.ts'
import { eventually, habitat, testPython } from '../support/terrarium.ts'

/** A package of the standard library, of about 30 files. test/tools has all of the library analysed. */
const ASYNCIO = 'import asyncio, os; print(os.path.dirname(asyncio.__file__))'

test("the main job's output is the same with and without chaos, and with any number of workers", async () => {
  const tree = execFileSync(testPython(), ['-c', ASYNCIO], { encoding: 'utf8' }).trim()
  expect(await expectSameFigures(habitat(), tree)).toBeGreaterThan(20)
})

test('files that do not parse are results, and the text for people names them', async () => {
  const home = habitat()
  home.file('good.py', 'def f():\n    pass\n')
  home.file('bad.py', 'def f(:\n')
  home.file('binary.py', '\u0000\u0001')
  const { code, stdout } = await job(home, home.directory, '--workers', '2', '--no-chaos')
  expect(code).toBe(0)
  expect(stdout).toContain('bad.py')
  expect(stdout).toMatch(/processes left: 0/i)
})

test.each([
  ['a folder that is not there', ['no/such/folder']],
  ['an unknown option', ['--wrokers', '2']],
  ['a number of workers that is none', ['--workers', 'many']],
])('%s is refused with one clear error', async (_, args) => {
  const { code, stderr } = await job(habitat(), ...args)
  expect(code).toBe(2)
  expect(stderr).toContain(args[0])
  expect(stderr).not.toContain('    at ')
})

test.each<[NodeJS.Signals, number]>([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])('%s in the middle of the job ends the job in order', async (signal, expected) => {
  const home = habitat()
  const running = run(process.execPath, ['scripts/job.mjs', 'start'], { env: environment(home) })
  await eventually('workers run', () => home.workers().length > 0)
  process.kill(running.pid, signal)
  expect((await running).code).toBe(expected)
  expect(home.marked()).toEqual([])
})

test('--watch serves a page on the job, stays when the job is done, and ends in order on Ctrl-C', async () => {
  const home = habitat()
  home.file('good.py', 'def f():\n    pass\n')
  let shown = ''
  const running = run(process.execPath, ['scripts/job.mjs', 'start', home.directory, '--workers', '1', '--watch'], {
    env: environment(home),
    onStdout: (text) => (shown = text),
  })
  await eventually('the job is done', () => shown.includes('The workers stay for the page.'))
  const [, address = ''] = /^page (http:\S+)$/m.exec(shown) ?? []
  expect(await (await fetch(address)).text()).toContain('<title>')
  expect(home.workers()).toHaveLength(1)
  process.kill(running.pid, 'SIGINT')
  const { code, stdout } = await running
  expect({ code, stdout }).toEqual({ code: 130, stdout: expect.stringMatching(/^processes left: 0$/m) })
  await expect(fetch(address)).rejects.toThrow()
  expect(home.marked()).toEqual([])
})

test('SIGKILL in the middle of the job leaves no process', async () => {
  const home = habitat()
  const running = run(process.execPath, ['scripts/job.mjs', 'start'], { env: environment(home) })
  await eventually('workers run', () => home.workers().length > 0)
  process.kill(running.pid, 'SIGKILL')
  expect((await running).signal).toBe('SIGKILL')
  await eventually('no process is left', () => home.marked().length === 0, 2_000)
})

test('the job ends when npm is killed', async () => {
  const home = habitat()
  const running = run('npm', ['start', '--silent'], { env: environment(home) })
  await eventually('workers run', () => home.workers().length > 0)
  process.kill(running.pid, 'SIGKILL')
  await running
  await eventually('no process is left', () => home.marked().length === 0)
})
