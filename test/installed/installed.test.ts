import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { mustEnd, ROOT, run } from '../support/command.ts'
import { eventually } from '../support/terrarium.ts'
import { bin, NODES, PACKAGES, PROJECT, stranger, type NodeName } from './stranger.ts'

const READS = ['{ to: 2, be: 2, or: 1, not: 1 }', '{ processesLeft: 0 }', '']

test.each(NODES)('A1: on %s the programs of the README run as installed', async (node) => {
  const me = stranger()
  expect(await me.run('node', ['main.mjs'], { node })).toEqual({
    code: 0,
    signal: null,
    stdout: READS.join('\n'),
    stderr: '',
  })
  const { code, stdout, stderr } = await me.run('node', ['events.mjs'], { node })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n')[0]).toBe('{ to: 2, be: 2, or: 1, not: 1 }')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0')
})

test.each(NODES)('A1: on %s `terrarium call` calls a tool', async (node) => {
  const args = [bin('terrarium'), 'call', 'tools.py', 'word_count', '{"text": "to be"}']
  expect(await stranger().must('node', args, { node })).toBe('{"to":1,"be":1}\n')
})

test.each(NODES)('A1: on %s keep() runs a program', async (node) => {
  expect(await stranger().must('node', ['keep.mjs'], { node })).toBe('running true\nstopped\n')
})

test.each(NODES)('A1: on %s CommonJS can require every package', async (node) => {
  expect(await stranger().must('node', ['require.cjs'], { node })).toBe('{ a: 2 } function function\n0\n')
})

test('A1: npx finds the command, and doctor prints what the README shows', async () => {
  const me = stranger()
  const doctor = await me.must('npx', ['terrarium', 'doctor'])
  expect(doctor).toMatch(/^ +\.\/\.venv +\/.*taken$/m)
  expect(doctor).toMatch(/^trial worker +ready and answering/m)
  expect(doctor).toContain(join(PROJECT, 'node_modules', '@terrarium', 'worker', 'python'))
  const call = ['terrarium', 'call', 'tools.py', 'word_count', '{"text": "to be or not to be"}']
  expect(await me.must('npx', call)).toBe('{"to":2,"be":2,"or":1,"not":1}\n')
})

test('A1: npx terrarium ps lists a worker while it lives', async () => {
  const me = stranger()
  const begun = join(me.home, 'begun')
  const calling = me.run('npx', ['terrarium', 'call', 'sleep.py', 'sleep', JSON.stringify({ begun })])
  await eventually('the call has begun', () => existsSync(begun))
  const line = /^\d+ .*node_modules\/@terrarium\/worker\/python\/terrarium\/_boot\.py/m
  expect(await me.must('npx', ['terrarium', 'ps', '--processes'])).toMatch(line)
  calling.child.kill('SIGTERM')
  await calling
  await eventually('nothing is left', () => me.left().length === 0)
  expect(await me.must('npx', ['terrarium', 'ps', '--processes'])).not.toContain(join(PROJECT, 'sleep.py'))
})

const tarballs = (): string[] => readdirSync(PACKAGES).filter((name) => name.endsWith('.tgz'))

test('A1: each tarball has the licence and no file of a checkout, and no Python file is in two tarballs', async () => {
  const python: string[] = []
  for (const name of tarballs()) {
    const { stdout } = await run('tar', ['-tzf', join(PACKAGES, name)])
    const files = stdout.trim().split('\n')
    expect(files).toEqual(expect.arrayContaining(['package/LICENSE', 'package/README.md', 'package/package.json']))
    expect(files.filter((file) => /tsbuildinfo|__pycache__|\.pyc$|\.test\.|\/tests?\/|tsconfig/.test(file))).toEqual([])
    python.push(...files.filter((file) => file.endsWith('.py')).map((file) => file.replace('package/python/', '')))
  }
  expect(python).toEqual(expect.arrayContaining(['terrarium/_boot.py', 'terrarium_shepherd/arm.py', 'doctor.py']))
  expect(new Set(python).size).toBe(python.length)
})

test('A1: publint finds nothing wrong with a tarball', async () => {
  expect(tarballs()).toHaveLength(readdirSync(join(ROOT, 'packages')).length)
  for (const name of tarballs()) {
    const publint = join(ROOT, 'node_modules', '.bin', 'publint')
    mustEnd(await run(publint, ['run', join(PACKAGES, name), '--strict']), 0)
  }
})

/** The error of a pool while a part of the installation is away. */
async function without(path: string): Promise<{ stderr: string; missing: string }> {
  const missing = join(PROJECT, 'node_modules', path)
  renameSync(missing, `${missing}.away`)
  try {
    const { code, stdout, stderr } = await stranger().run('node', ['main.mjs'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    return { stderr, missing }
  } finally {
    renameSync(`${missing}.away`, missing)
  }
}

test.each([
  ['worker', 'terrarium'],
  ['worker', 'terrarium/_boot.py'],
  ['worker', 'terrarium/_session.py'],
  ['worker', 'terrarium/v1/session_pb2.py'],
  ['process', 'terrarium_shepherd'],
  ['process', 'terrarium_shepherd/main.py'],
  ['process', 'terrarium_shepherd/sweep.py'],
])(
  'A2: without a part of the Python files of @terrarium/%s the pool fails once and names it: %s',
  async (name, part) => {
    const { stderr, missing } = await without(`@terrarium/${name}/python/${part}`)
    expect(stderr).toContain(`this installation of @terrarium/${name} is incomplete: there is no ${missing}`)
    expect(stderr).toContain("code: 'CONFIGURATION'")
    expect(stderr).toContain(`Install @terrarium/${name} again.`)
  },
)

test.each(['level', 'classic-level/prebuilds'])('A2: without %s the pool fails once and names it', async (part) => {
  const { stderr } = await without(part)
  expect(stderr).toContain('the database of @terrarium/process does not load')
  expect(stderr).toContain("code: 'CONFIGURATION'")
  expect(stderr).toContain('Install @terrarium/process again')
})

test('after these tests the installation is whole', async () => {
  expect(await stranger().must('node', ['main.mjs'])).toBe(READS.join('\n'))
})

test.each<[string, NodeName]>([
  ['5.20.0', 'newest'],
  ['5', 'node20'],
])('an application with XState %s of its own loads XState once', async (version, node) => {
  const me = stranger()
  writeFileSync(join(me.home, 'package.json'), '{ "private": true, "type": "module" }')
  const supervisor = tarballs().find((name) => name.includes('supervisor')) ?? ''
  const install = ['install', '--no-audit', '--no-fund', `xstate@${version}`, join(PACKAGES, supervisor)]
  mustEnd(await run('npm', install, { cwd: me.home, env: { NODE_OPTIONS: '' } }), 0)
  const { stdout } = await run('find', ['node_modules', '-type', 'd', '-name', 'xstate'], { cwd: me.home })
  expect(stdout).toBe('node_modules/xstate\n')
  const program = `
    import { createSupervisor } from '@terrarium/supervisor'
    import { fromTransition } from 'xstate'
    const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic: fromTransition((n) => n + 1, 0) }] })
    await app.start()
    console.log(app.children[0].state)
    await app.stop()
  `
  writeFileSync(join(me.home, 'main.mjs'), program)
  expect(await me.must('node', ['main.mjs'], { node, cwd: me.home })).toBe('running\n')
})
