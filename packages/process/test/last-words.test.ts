import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { tellingLine } from '../src/life/last-words.ts'
import { python } from './support.ts'

/** Runs code in a real interpreter. Returns its exit and its standard error. */
function end(code: string, env: Record<string, string> = {}): Parameters<typeof tellingLine>[0] {
  const { status, signal, stderr } = spawnSync(python, ['-c', code], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { code: status, signal, tail: stderr.slice(-4096) }
}

const FAULTHANDLER = { PYTHONFAULTHANDLER: '1' }
const NOISE = 'import sys; print("ValueError: handled long ago", file=sys.stderr, flush=True)\n'

test.each<[string, string, Record<string, string>, string | undefined]>([
  ['an exception', `${NOISE}raise KeyError("x")`, {}, "KeyError: 'x'"],
  ['an exception of a name of its own', 'class Oh(Exception): pass\nraise Oh("no")', {}, 'Oh: no'],
  [
    'an exception, and other threads that go on talking',
    'import atexit, sys; atexit.register(lambda: print("bye", file=sys.stderr)); raise LookupError("x")',
    {},
    'LookupError: x',
  ],
  ['no memory', 'raise MemoryError()', {}, 'MemoryError'],
  ['words of its own', `${NOISE}sys.exit("give me a file")`, {}, 'give me a file'],
  ['a syntax error', 'this is no Python', {}, 'SyntaxError: invalid syntax'],
  ['no standard library', '1', { PYTHONHOME: '/nowhere' }, 'Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding'], // prettier-ignore
  ['a segmentation fault', `${NOISE}import ctypes; ctypes.string_at(0)`, FAULTHANDLER, 'Fatal Python error: Segmentation fault'], // prettier-ignore
  ['an abort', `${NOISE}import os; os.abort()`, FAULTHANDLER, 'Fatal Python error: Aborted'],
  ['a segmentation fault in silence', `${NOISE}import ctypes; ctypes.string_at(0)`, {}, undefined],
  ['a kill', `${NOISE}import os; os.kill(os.getpid(), 9)`, FAULTHANDLER, undefined],
  ['status 0', NOISE, {}, undefined],
  ['a lost session', 'import os; os.write(2, b"terrarium: the session with the host is lost: x\\nmore\\n"); os._exit(75)', {}, 'terrarium: the session with the host is lost: x'], // prettier-ignore
])('an interpreter that ends with %s tells it', (_, code, env, line) => {
  expect(tellingLine(end(code, env))).toBe(line)
})

test.each([
  [
    'terminate called after throwing an instance of \'std::runtime_error\'\n  what():  bad shape\nFatal Python error: Aborted\n\nCurrent thread\n  File "a.py"\n\nExtension modules: numpy (total: 1)',
    "terminate called after throwing an instance of 'std::runtime_error' (what():  bad shape)",
  ],
  [
    "python: a.c:7: f: Assertion `x > 0' failed.\nFatal Python error: Aborted",
    "python: a.c:7: f: Assertion `x > 0' failed.",
  ],
  ['free(): invalid pointer\nlater words of another thread', 'free(): invalid pointer'],
  ['*** stack smashing detected ***: terminated', '*** stack smashing detected ***: terminated'],
])('what native code says before it aborts goes before what Python says of it', (tail, line) => {
  expect(tellingLine({ code: null, signal: 'SIGABRT', tail })).toBe(line)
})
