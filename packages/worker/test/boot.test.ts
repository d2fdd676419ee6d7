import { PassThrough } from 'node:stream'
import { expect, test } from '@jest/globals'
import type { ExitStatus } from '@terrarium/process'
import { BootReport, type BootFailure } from '../src/boot-report.ts'
import { explainWorkerExit as explainExit, type Worker } from '../src/failure.ts'

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
const at = (boot: Worker['boot'], ready = false) => ({
  name: 'p/worker-1',
  pid: 7,
  python: '/opt/python',
  boot,
  ready,
})
const failure: BootFailure = {
  kind: 'missing_module',
  configuration: true,
  module: 'grpc',
  exe: '/opt/python',
  message: "no module named 'grpc'",
  hint: 'Install what is missing: /opt/python -m pip install grpcio protobuf',
  command: '/opt/python -m pip install grpcio protobuf',
  modules: ['grpc', 'google.protobuf'],
  traceback: 'Traceback: …',
  watch: ['/opt/lib'],
}
const failed = { phase: 'failed', ...failure }

test('the last line counts, however the bytes are cut', async () => {
  const text = line({ phase: 'boot', pid: 1 }) + line({ phase: 'importing', module: 'google.protobuf' })
  expect(await report(text.slice(0, 10), text.slice(10))).toMatchObject({
    phase: 'importing',
    module: 'google.protobuf',
  })
})

test('every field of a failure arrives', async () => {
  expect((await report(line(failed))).failure).toEqual(failure)
})

test('a torn last line of a killed worker is ignored', async () => {
  expect((await report(line({ phase: 'boot' }), '{"phase":"impo')).phase).toBe('boot')
  expect((await report('nonsense\n', line({ phase: 'later-version' }))).phase).toBe('none')
})

test.each<[string, string | Buffer]>([
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0xc3, 0x28, 0x0a])],
  ['JSON that is no object', '7\nnull\n"text"\n[1]\ntrue\n'],
  ['objects of another kind', line({ a: 1 }) + line({ phase: 7 }) + line({ phase: null }) + line({ phase: {} })],
  ['a line that does not end', 'x'.repeat(5_000_000)],
  ['deep nesting', `${'['.repeat(100_000)}\n`],
])('a boot report of %s says nothing, and what follows is heard', async (_, junk) => {
  const stream = new PassThrough()
  const boot = new BootReport(stream)
  stream.write(junk)
  stream.end(`\n${line({ phase: 'importing', module: 7 })}`)
  await boot.ended
  expect(boot.progress).toEqual({ phase: 'importing', module: undefined, failure: undefined })
})

test('a boot report without an end is broken, once, and takes no memory', async () => {
  const stream = new PassThrough()
  const broken: string[] = []
  const boot = new BootReport(stream, (fault) => broken.push(fault))
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  for (let n = 0; n < 80; n += 1)
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve))
  stream.end(line({ phase: 'ready' }))
  await boot.ended
  expect(broken).toEqual(['it has more than 33554432 characters'])
  expect(boot.progress.phase).toBe('none')
})

test.each<[string, unknown]>([
  ['numbers', 7],
  ['null', null],
  ['objects', { a: 1 }],
  ['lists', [{}, 7, null]],
  ['nothing', undefined],
])('a failure whose values are %s is told all the same', async (_, value) => {
  const names = Object.keys(failure)
  const boot = await report(line({ phase: 'failed', ...Object.fromEntries(names.map((name) => [name, value])) }))
  const error = explainExit(exit(78), at(boot))
  expect(error).toMatchObject({
    code: 'START_FAILED',
    message: 'worker p/worker-1 cannot start: it does not say why',
    details: { watch: [], modules: [], command: '', traceback: '' },
  })
  expect(error.hint).toBeUndefined()
})

test('texts of any size are cut, and only paths are watched', async () => {
  const huge = 'y'.repeat(2_000_000)
  const long = 'y'.repeat(10_000_000)
  const watch = ['/a', 7, 'relative', '/nul\0', `/${huge}`, '/b', ...Array.from({ length: 5_000 }, (_, n) => `/${n}`)]
  const said = {
    ...failed,
    message: huge,
    hint: long,
    command: huge,
    modules: [huge, 7, null],
    traceback: `${huge} the end`,
    module: huge,
    exe: huge,
    watch,
  }
  const { message, hint, details } = explainExit(exit(78), at(await report(line(said))))
  expect(message.length).toBeLessThan(9_000)
  expect(hint).toHaveLength(8_193)
  expect(details['command']).toBe('') // a part of a command is no command
  expect(details['modules']).toEqual([`${'y'.repeat(8_192)}…`])
  expect(details['traceback']).toMatch(/^y{60000,} the end$/)
  expect(details['watch']).toHaveLength(1_020)
  expect((details['watch'] as string[]).slice(0, 2)).toEqual(['/a', '/b'])
})

test('a worker that closes its session and goes on is said to have been killed for that', async () => {
  const killed = { ...exit(null, 'SIGKILL'), requested: 'kill' as const }
  const error = explainExit(killed, at(await report(line({ phase: 'ready' })), true))
  expect(error.message).toBe('worker p/worker-1 closed its session and went on running; it was killed')
  const early = explainExit(killed, at(await report(line({ phase: 'connecting' }))))
  expect(early).toMatchObject({ code: 'START_FAILED', message: expect.stringContaining('before it was ready') })
})

test('a crash says what was said of it, or how to hear more', async () => {
  const boot = await report(line({ phase: 'ready' }))
  const loud = explainExit(
    exit(null, 'SIGSEGV', 'noise\nFatal Python error: Segmentation fault\n\nmore'),
    at(boot, true),
  )
  expect(loud.message).toBe('worker p/worker-1 died: signal SIGSEGV: Fatal Python error: Segmentation fault')
  const silent = explainExit(exit(null, 'SIGSEGV', 'noise'), at(boot, true))
  expect(silent.message).toBe('worker p/worker-1 died: signal SIGSEGV')
  expect(silent.hint).toMatch(/^Set PYTHONFAULTHANDLER to 1/)
  expect(explainExit(exit(null, 'SIGKILL', 'noise'), at(boot, true)).hint).toBeUndefined()
})

test('a missing module is a configuration error that names module, interpreter and repair', async () => {
  const error = explainExit(exit(78), at(await report(line({ phase: 'boot' }), line(failed))))
  expect(error).toMatchObject({
    code: 'CONFIGURATION',
    hint: failure.hint,
    details: {
      module: 'grpc',
      modules: failure.modules,
      command: failure.command,
      interpreter: '/opt/python',
      watch: ['/opt/lib'],
      code: 78,
    },
  })
  expect(error.message).toContain("no module named 'grpc'")
})

test('an exception at import is a failed start, not configuration', async () => {
  const boot = await report(line({ ...failed, kind: 'exception', configuration: false, module: null }))
  expect(explainExit(exit(70), at(boot)).code).toBe('START_FAILED')
})

test.each([false, undefined, 'true', 1])(
  'a failed start is no configuration unless the report says so: %p',
  async (said) => {
    const boot = await report(line({ ...failed, configuration: said }))
    expect(explainExit(exit(78), at(boot)).code).toBe('START_FAILED')
  },
)

test('46: exit status 0 before ready is a failure', async () => {
  const error = explainExit(exit(0), at(await report(line({ phase: 'importing', module: 'tools.py' }))))
  expect(error).toMatchObject({ code: 'START_FAILED', details: { code: 0, phase: 'importing' } })
  expect(error.message).toContain('exit status 0 while importing tools.py')
})

test('an interpreter that never ran the bootstrap is a configuration error, a killed interpreter is not', async () => {
  const boot = await report()
  expect(explainExit(exit(0), at(boot)).code).toBe('CONFIGURATION')
  expect(explainExit(exit(1, null, 'Traceback:\nno site module'), at(boot)).hint).toBe('Its last words: no site module')
  expect(explainExit(exit(null, 'SIGKILL'), at(boot)).code).toBe('START_FAILED')
})

test('46: after ready every unasked end is a crash, whatever the exit code says', async () => {
  const boot = await report(line({ phase: 'ready' }))
  for (const status of [exit(0), exit(1), exit(78), exit(null, 'SIGSEGV')]) {
    expect(explainExit(status, at(boot, true)).code).toBe('WORKER_CRASHED')
  }
  expect(explainExit(exit(null, 'SIGSEGV', 'boom'), at(boot, true)).details).toMatchObject({ stderr: 'boom' })
  expect(explainExit(exit(null, 'SIGSEGV', '\n'), at(boot, true)).details.stderr).toBeUndefined()
})
