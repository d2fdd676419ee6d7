import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, jest, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { eventually } from '../support/terrarium.ts'
import { freePort, INSTALLED, PACKAGES, PROJECT, stranger, type Stranger } from './stranger.ts'

const APP = mkdtempSync(join(INSTALLED, 'next '))
const NEXT = ['next@16.4.6', 'react@19.3.0', 'react-dom@19.3.0']

const LAYOUT = 'export default ({ children }) => <html><body>{children}</body></html>\n'
const PAGE = 'export default () => <p>hello</p>\n'
const ROUTE = `
import { createPool } from '@terrarium/pool'

export const dynamic = 'force-dynamic'
let started

async function start() {
  const pool = createPool({ name: 'text', tools: './tools.py' })
  await pool.start()
  return pool
}

export async function GET() {
  try {
    started ??= start()
    const pool = await started
    return Response.json(await pool.call('word_count', { text: 'a a' }))
  } catch (error) {
    return Response.json({ code: error.code, message: error.message, hint: error.hint })
  }
}
`

// Each test builds an app with Next, which takes minutes on a machine that is busy.
jest.setTimeout(600_000)

const env = { NEXT_TELEMETRY_DISABLED: '1', TERRARIUM_PYTHON: join(PROJECT, '.venv') }

beforeAll(async () => {
  const files = { 'package.json': '{ "private": true }', 'app/layout.jsx': LAYOUT, 'app/page.jsx': PAGE }
  mkdirSync(join(APP, 'app', 'count'), { recursive: true })
  for (const [name, text] of Object.entries({ ...files, 'app/count/route.js': ROUTE })) {
    writeFileSync(join(APP, name), text)
  }
  cpSync(join(PROJECT, 'tools.py'), join(APP, 'tools.py'))
  const tarballs = readdirSync(PACKAGES).filter((name) => name.endsWith('.tgz'))
  const install = ['install', '--no-audit', '--no-fund', ...tarballs.map((name) => join(PACKAGES, name)), ...NEXT]
  const { code, stderr } = await run('npm', install, { cwd: APP, env: { NODE_OPTIONS: '' } })
  if (code !== 0) throw new Error(stderr)
}, 600_000) // Next is large, and other tests download it at the same time

const next = join(APP, 'node_modules', 'next', 'dist', 'bin', 'next')

/** Builds with these settings; `options`: of `next build`. */
async function build(me: Stranger, settings: string, ...options: string[]): Promise<void> {
  rmSync(join(APP, '.next'), { recursive: true, force: true })
  writeFileSync(join(APP, 'next.config.js'), `module.exports = { outputFileTracingRoot: __dirname, ${settings} }\n`)
  const printed = await me.must('node', [next, 'build', ...options], { cwd: APP, env })
  expect(printed).toMatch(/ƒ \/count/)
}

/** Starts the server, requests the route, and ends the server. Returns the response of the route. */
async function answer(me: Stranger, cwd: string, script: string, ...args: string[]): Promise<unknown> {
  const port = await freePort()
  const server = me.run('node', [script, ...args], { cwd, env: { ...env, PORT: String(port), HOSTNAME: '127.0.0.1' } })
  try {
    let response: Response | undefined
    await eventually('the server answers', async () => {
      response = await fetch(`http://127.0.0.1:${port}/count`).catch(() => undefined)
      return response !== undefined || server.child.exitCode !== null
    })
    return await response?.json()
  } finally {
    server.child.kill('SIGTERM')
    await server
  }
}

test.each([
  ['Turbopack', []],
  ['webpack', ['--webpack']],
])('A11: a route built by Next with %s, without any setting, calls a pool', async (_, options) => {
  const me = stranger()
  await build(me, '', ...options)
  expect(await answer(me, APP, next, 'start')).toEqual({ a: 2 })
})

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const settings = (row: string): string =>
  [...(readme.split('\n').find((line) => line.startsWith(row)) ?? '').matchAll(/`(\w+: [^`]+)`/g)]
    .map(([, setting = '']) => setting)
    .join(', ')

test('A11: a standalone server works with the settings of the README, and names a missing one', async () => {
  const me = stranger()
  const named = settings('| Next, `standalone`')
  // The setting of the row above, which a route that is not standalone may have too.
  expect(settings('| Next  ')).toBe("serverExternalPackages: ['@terrarium/pool']")
  expect(named.split(', ')[0]).toBe(settings('| Next  '))
  const standalone = join(INSTALLED, 'standalone')
  for (const [more, expected] of [
    [named, { a: 2 }],
    [
      '',
      {
        code: 'CONFIGURATION',
        message: expect.stringContaining('incomplete'),
        hint: expect.stringContaining(named.split(', ')[1] ?? ''),
      },
    ],
  ] as const) {
    await build(me, `output: 'standalone', ${more}`)
    rmSync(standalone, { recursive: true, force: true })
    cpSync(join(APP, '.next', 'standalone'), standalone, { recursive: true })
    cpSync(join(APP, 'tools.py'), join(standalone, 'tools.py'))
    expect(await answer(me, standalone, 'server.js')).toEqual(expected)
  }
})
