import { expect, test } from '@jest/globals'
import { lastLine, run, type Ran } from '../support/command.ts'
import { eventually, habitat, type Habitat } from '../support/terrarium.ts'

interface Figures {
  readonly files: number
  readonly parsed: number
  readonly failed: number
  readonly functions: number
  readonly classes: number
  readonly calls: number
  readonly restarts: number
  readonly processesLeft: number
  readonly digest: string
}

/** The environment of a job: all its files are in the habitat, so that no file is left when it is killed. */
const environment = (home: Habitat): Record<string, string> => ({
  TERRARIUM_STATE_DIR: home.stateDir,
  XDG_RUNTIME_DIR: home.directory,
})

const job = (home: Habitat, ...args: string[]) =>
  run('npm', ['start', '--silent', '--', ...args], { env: environment(home) })

function figures({ code, stdout, stderr }: Ran): Figures {
  if (code !== 0) throw new Error(`the job failed with ${String(code)}: ${stdout}${stderr}`)
  return JSON.parse(lastLine(stdout)) as Figures
}

test("the main job's output is the same with and without chaos, and with any number of workers", async () => {
  const home = habitat()
  const chaotic = figures(await job(home, '--json', '--workers', '3'))
  const calm = figures(await job(home, '--json', '--no-chaos', '--workers', '1'))
  // The standard library of the interpreter: about 660 files in Debian's, 1,800 where its own tests are part of it.
  expect(chaotic.files).toBeGreaterThan(500)
  expect(chaotic.parsed + chaotic.failed).toBe(chaotic.files)
  expect(chaotic.restarts).toBeGreaterThan(0)
  expect(calm.restarts).toBe(0)
  expect(chaotic.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(Object.keys(chaotic)).toEqual(
    'files parsed failed functions classes calls callsPerSecond p50Ms p99Ms restarts processesLeft digest'.split(' '),
  )
  const { files, parsed, failed, functions, classes, digest } = calm
  expect(chaotic).toMatchObject({ files, parsed, failed, functions, classes, digest, processesLeft: 0 })
  expect(calm.processesLeft).toBe(0)
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

test('every claim of npm run demo:missing-module holds', async () => {
  const home = habitat()
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'demo:missing-module'], {
    env: environment(home),
  })
  expect({ code, said: `${stdout}${stderr}` }).toEqual({ code: 0, said: expect.stringContaining('CONFIGURATION') })
  expect(stdout).toMatch(/processes left: 0/i)
})
