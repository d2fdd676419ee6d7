import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import type { ExitStatus } from '@terrarium/process'
import { BootReport } from '../src/boot-report.ts'
import { explainExit, type Circumstances } from '../src/failure.ts'

async function report(...chunks: string[]) {
  const stream = new PassThrough()
  const boot = new BootReport(stream)
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await boot.ended
  return boot.progress
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`
const exit = (code: number | null, signal: ExitStatus['signal'] = null, tail = ''): ExitStatus => ({
  code,
  signal,
  requested: 'none',
  unkillable: false,
  tail,
})
const at = (boot: Circumstances['boot'], ready = false): Circumstances => ({
  name: 'p/worker-1',
  pid: 7,
  python: '/opt/python',
  boot,
  ready,
})
const failed = {
  phase: 'failed',
  kind: 'missing_module',
  module: 'grpc',
  exe: '/opt/python',
  message: "no module named 'grpc'",
  hint: '/opt/python -m pip install grpcio',
  traceback: '',
  watch: ['/opt/lib'],
}

test('the last line counts, however the bytes are cut', async () => {
  const text = line({ phase: 'boot', pid: 1 }) + line({ phase: 'importing', module: 'msgpack' })
  expect(await report(text.slice(0, 10), text.slice(10))).toMatchObject({ phase: 'importing', module: 'msgpack' })
})

test('a torn last line of a killed worker is ignored', async () => {
  expect((await report(line({ phase: 'boot' }), '{"phase":"impo')).phase).toBe('boot')
  expect((await report('nonsense\n', line({ phase: 'later-version' }))).phase).toBe('none')
})

test('a missing module is a configuration error that names module, interpreter and repair', async () => {
  const error = explainExit(exit(78), at(await report(line({ phase: 'boot' }), line(failed))))
  expect(error).toMatchObject({
    code: 'CONFIGURATION',
    hint: '/opt/python -m pip install grpcio',
    details: { module: 'grpc', interpreter: '/opt/python', watch: ['/opt/lib'], code: 78 },
  })
  expect(error.message).toContain("no module named 'grpc'")
})

test('an exception at import is a failed start, not configuration', async () => {
  const boot = await report(line({ ...failed, kind: 'exception', module: null }))
  expect(explainExit(exit(70), at(boot)).code).toBe('START_FAILED')
})

test('exit status 0 before ready is a failure', async () => {
  const error = explainExit(exit(0), at(await report(line({ phase: 'importing', module: 'tools.py' }))))
  expect(error).toMatchObject({ code: 'START_FAILED', details: { code: 0, phase: 'importing' } })
  expect(error.message).toContain('exit status 0 while importing tools.py')
})

test('an interpreter that never ran the bootstrap is a configuration error, one that was killed is not', async () => {
  const boot = await report()
  expect(explainExit(exit(0), at(boot)).code).toBe('CONFIGURATION')
  expect(explainExit(exit(1, null, 'Traceback:\nno site module'), at(boot)).hint).toBe('its last words: no site module')
  expect(explainExit(exit(null, 'SIGKILL'), at(boot)).code).toBe('START_FAILED')
})

test('after ready every unasked end is a crash, whatever the exit code says', async () => {
  const boot = await report(line({ phase: 'ready' }))
  for (const status of [exit(0), exit(1), exit(78), exit(null, 'SIGSEGV')]) {
    expect(explainExit(status, at(boot, true)).code).toBe('WORKER_CRASHED')
  }
  expect(explainExit(exit(null, 'SIGSEGV', 'boom'), at(boot, true)).details).toMatchObject({ stderr: 'boom' })
})
