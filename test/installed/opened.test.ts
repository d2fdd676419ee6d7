import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect } from '@jest/globals'
import { ROOT } from '../support/command.ts'
import { testUnless } from '../support/when.ts'
import { nodeOf, PROJECT, PYTHON, stranger } from './stranger.ts'

const without = spawnSync('strace', ['-V']).status === 0 ? undefined : 'strace is not installed'

/** Every path that one process has passed to the kernel, absolute: opened, looked at, executed, or made. */
function pathsOf(trace: string): string[] {
  const paths: string[] = []
  let cwd = PROJECT
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const call = /^(\w+)\((.*)$/.exec(line)
    if (call === null) continue
    const [, name = '', args = ''] = call
    // With -y strace prints the path of each descriptor: openat(AT_FDCWD</cwd>, "name", …)
    const quoted = /^(?:(?:AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"/.exec(args)
    // An empty name is the descriptor itself. A mount source may have any name.
    if (quoted === null || quoted[2] === '' || name === 'mount') continue
    const path = resolve(quoted[1] === undefined ? cwd : unescape(quoted[1]), unescape(quoted[2] ?? ''))
    if (name === 'chdir' && / = 0$/.test(line)) cwd = path
    paths.push(path)
  }
  return paths
}

/** strace writes bytes that are not ASCII as octal escapes. */
const unescape = (text: string): string =>
  Buffer.from(
    text.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
      /^[0-7]/.test(code) ? String.fromCharCode(parseInt(code, 8)) : code,
    ),
    'latin1',
  ).toString()

/** Paths of the system, and folders that are looked at only because they are above another path. */
const SYSTEM = ['/usr', '/lib', '/lib64', '/bin', '/sbin', '/etc', '/proc', '/sys', '/dev', '/run', '/var/lib']

testUnless(without)(
  'A1: host, shepherd and worker open nothing but what is installed, and look at nothing else',
  async () => {
    const me = stranger()
    const traces = join(me.home, 'traces')
    const tracing = ['-ff', '-y', '-qq', '-e', 'trace=%file', '-e', 'signal=none', '-o', traces]
    expect(await me.must('strace', [...tracing, nodeOf('newest'), 'main.mjs'])).toContain('{ processesLeft: 0 }')
    const files = readdirSync(me.home).filter((name) => name.startsWith('traces.'))
    const paths = new Set(files.flatMap((name) => pathsOf(join(me.home, name))))

    // The trace has seen host, shepherd and worker.
    const installed = join(PROJECT, 'node_modules', '@terrarium')
    for (const path of [
      join(installed, 'pool', 'dist', 'pool.js'),
      join(installed, 'process', 'python', 'terrarium_shepherd', 'main.py'),
      join(installed, 'process', 'python', 'terrarium_shepherd', 'arm.py'),
      join(installed, 'worker', 'python', 'terrarium', '_boot.py'),
      join(PROJECT, 'tools.py'),
    ]) {
      expect(paths).toContain(path)
    }

    const expected = [
      join(PROJECT, 'node_modules'),
      join(PROJECT, '.venv'),
      me.home,
      dirname(dirname(nodeOf('newest'))),
      // The interpreter behind the environment, with its library.
      dirname(dirname(realpathSync(PYTHON))),
      ...SYSTEM,
    ]
    // Looked for beside the tools, to see whether they are a package.
    const own = ['main.mjs', 'tools.py', '__init__.py', 'package.json', '__pycache__'].map((name) =>
      join(PROJECT, name),
    )
    const runtime = /^\/tmp\/(?:terrarium-[\w-]+|terrarium-log-\w+)(?:\/|$)/
    const isExpected = (path: string): boolean =>
      [...expected, ...own].some((each) => path === each || path.startsWith(`${each}/`)) ||
      runtime.test(path) ||
      [...expected, ...own].some((each) => each.startsWith(path === '/' ? path : `${path}/`))
    const strange = [...paths].filter((path) => !isExpected(path))
    expect(strange).toEqual([])
    expect([...paths].filter((path) => `${path}/`.startsWith(ROOT))).toEqual([])
  },
)
