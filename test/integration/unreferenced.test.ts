import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import ts from 'typescript'
import { ROOT, run, type Ran } from '../support/command.ts'
import { eventually, habitat, testPython, TOOLS, type Habitat } from '../support/terrarium.ts'

const PRELUDE = `
import { createPool } from '@terrarium/pool'
import { keep, openRuntime } from '@terrarium/process'
import { createSupervisor } from '@terrarium/supervisor'
import { fromCallback, fromPromise } from 'xstate'
const options = { name: 'p', tools: ${JSON.stringify(TOOLS)} }
const UP = ['-c', 'echo up; exec sleep 60']
`

/** Runs a user's script. Resolves when it has ended by itself. */
function script(home: Habitat, source: string): Promise<Ran> {
  const env = { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() }
  const module = PRELUDE + source
  return run(process.execPath, ['--input-type=module', '--eval', module], { env, cwd: join(ROOT, 'test') })
}

/** The folders of runs that were not closed. */
const runsLeft = (home: Habitat): string[] =>
  existsSync(join(home.stateDir, 'runs')) ? readdirSync(join(home.stateDir, 'runs')) : []

test('82, D15: a script that never stops its pool ends by itself, once the pool is unreferenced, and leaves nothing', async () => {
  const home = habitat()
  const source = `
    const pool = createPool({ ...options, size: 2 }).unref()
    await pool.start()
    console.log(await pool.call('echo', { value: 1 }))
    pool.call('echo_slowly', { value: 2, seconds: 0.5 }).then(console.log) // the script waits for it
    process.on('exit', () => console.log(pool.status))
  `
  expect(await script(home, source)).toMatchObject({ code: 0, stdout: '1\n2\nstopped\n', stderr: '' })
  expect(home.marked()).toEqual([])
  expect(runsLeft(home)).toEqual([])
})

test('82, D15: a script that ends with process.exit() leaves nothing, too', async () => {
  const home = habitat()
  const source = `
    const pool = createPool(options).unref()
    await pool.start()
    void pool.call('sleep', { seconds: 60 }).catch(() => undefined)
    setTimeout(() => process.exit(3), 100)
  `
  expect(await script(home, source)).toMatchObject({ code: 3, stderr: '' })
  await eventually('nothing is left', () => home.marked().length === 0)
})

test('D15: an unreferenced pool that is parked, or waits for its next start, does not hold the script', async () => {
  const home = habitat()
  const broken = home.file('broken.py', 'import nosuch_module\n')
  const dying = home.file('dying.py', 'import os\nos._exit(1)\n')
  const source = `
    const parked = createPool({ ...options, tools: ${JSON.stringify(broken)} }).unref()
    await parked.start().catch(({ code }) => console.log(code))
    const waiting = createPool({ ...options, name: 'w', tools: ${JSON.stringify(dying)}, backoff: { first: 60_000 } }).unref()
    void waiting.start().catch(({ code }) => console.log(code))
    waiting.on('worker.backoff', () => {
      console.log('waits')
      setTimeout(() => void waiting.stop(), 50)
    })
  `
  const { code, stdout } = await script(home, source)
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'CONFIGURATION\nwaits\nSTOPPED\n' })
})

test('D15: ref() undoes unref()', async () => {
  const home = habitat()
  const source = `
    const pool = createPool(options).unref()
    await pool.start()
    pool.ref()
    setTimeout(() => { console.log('still there'); void pool.stop() }, 300).unref()
  `
  expect(await script(home, source)).toMatchObject({ code: 0, stdout: 'still there\n' })
})

test('D15: a kept program that is unreferenced is stopped in order when the script has nothing left to do', async () => {
  const home = habitat()
  const source = `
    const program = keep('sh', UP, { ready: /^up$/ }).unref()
    await program.whenReady()
    console.log(program.status)
    process.on('exit', () => console.log(program.status))
  `
  expect(await script(home, source)).toMatchObject({ code: 0, stdout: 'running\nstopped\n', stderr: '' })
  expect(home.marked()).toEqual([])
  expect(runsLeft(home)).toEqual([])
})

test('D15: processes of an unreferenced runtime end with the script', async () => {
  const home = habitat()
  const source = `
    const runtime = await openRuntime({ python: ${JSON.stringify(testPython())} })
    runtime.unref()
    const { pid } = await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
    console.log(pid > 0)
  `
  expect(await script(home, source)).toMatchObject({ code: 0, stdout: 'true\n', stderr: '' })
  await eventually('nothing is left', () => home.marked().length === 0)
})

test('D15: an unreferenced supervisor holds the script only while it starts or stops', async () => {
  const source = `
    const failing = fromPromise(() => Promise.reject(new Error('not today')))
    const slow = fromCallback(({ receive }) => { receive(() => undefined) })
    const app = createSupervisor({
      id: 'app',
      backoff: { first: 3_600_000, jitter: 'none' },
      children: [{ id: 'failing', logic: failing, awaitReady: false }, { id: 'slow', logic: slow, shutdown: 300 }],
    }).unref()
    await app.start()
    console.log(app.children[0].state)
    process.on('exit', () => console.log(app.children[0].state))
  `
  const stopping = `${source}\nawait app.stop()\nconsole.log('stopped')\n`
  expect(await script(habitat(), source)).toMatchObject({ code: 0, stdout: 'backing_off\nbacking_off\n' })
  const { code, stdout } = await script(habitat(), stopping)
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^backing_off\nstopped\n/) })
})

test('D15: await using stops pools, kept programs, supervisors and runtimes', async () => {
  const home = habitat()
  const source = `
    const stopped = []
    {
      await using runtime = await openRuntime({ python: ${JSON.stringify(testPython())} })
      await runtime.spawn({ name: 'sleep', command: 'sleep', args: ['60'] })
      await using program = keep('sh', UP, { ready: /^up$/ })
      await program.whenReady()
      await using app = createSupervisor({ id: 'app', children: [] })
      await app.start()
      await using pool = createPool(options)
      await pool.start()
      stopped.push(() => runtime.census().length, () => program.status, () => app.ref.getSnapshot().status, () => pool.status)
    }
    console.log(JSON.stringify(stopped.map((ask) => ask())))
  `
  const compiled = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  }).outputText
  expect(compiled).not.toContain('await using')
  expect(await script(home, compiled)).toMatchObject({
    code: 0,
    stdout: '[0,"stopped","done","stopped"]\n',
    stderr: '',
  })
  expect(home.marked()).toEqual([])
})

const DECLARATIONS: ts.CompilerOptions = {
  strict: true,
  skipLibCheck: false,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
}

/** Parses each declaration once: the programs share what they have in common. */
const host = ts.createCompilerHost(DECLARATIONS)
const parse = host.getSourceFile.bind(host)
const parsed = new Map<string, ts.SourceFile | undefined>()
host.getSourceFile = (path, ...how) => {
  if (path.endsWith('/user.ts')) return parse(path, ...how)
  if (!parsed.has(path)) parsed.set(path, parse(path, ...how))
  return parsed.get(path)
}

test.each([
  [
    'ES2022 and no types of Node',
    ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    [],
    `import { createSupervisor } from '@terrarium/supervisor'
    export const stop = (): Promise<void> => createSupervisor({ id: 'a', children: [] }).stop()`,
  ],
  [
    'ES2022 and the types of Node',
    ['lib.es2022.d.ts'],
    ['node'],
    `import { createPool, type Pool } from '@terrarium/pool'
    import { keep } from '@terrarium/process'
    export const pool: Pool = createPool({ name: 'a', tools: 'a.py' }).unref().ref()
    export const stop = (): Promise<void> => keep('sh').stop()`,
  ],
  [
    'ESNext',
    ['lib.esnext.d.ts'],
    ['node'],
    `import { createPool } from '@terrarium/pool'
    import { keep, openRuntime } from '@terrarium/process'
    import { createSupervisor } from '@terrarium/supervisor'
    export async function use(): Promise<void> {
      await using pool = createPool({ name: 'a', tools: 'a.py' })
      await using program = keep('sh')
      await using app = createSupervisor({ id: 'a', children: [] })
      await using runtime = await openRuntime({ python: '/usr/bin/python3' })
      console.log(pool, program, app, runtime)
    }`,
  ],
])('D15: the declarations compile with %s and without skipLibCheck', (_, lib, types, source) => {
  const folder = mkdtempSync(join(ROOT, 'test', 'dist', 'declarations-')) // where Terrarium's packages are found
  const file = join(folder, 'user.ts')
  writeFileSync(file, source)
  try {
    const program = ts.createProgram([file], { ...DECLARATIONS, lib, types }, host)
    const checked = program
      .getSourceFiles()
      .filter(({ fileName }) => fileName === file || /\/packages\/\w+\/dist\//.test(fileName))
    expect(checked.length).toBeGreaterThan(5)
    const messages = checked
      .flatMap((each) => ts.getPreEmitDiagnostics(program, each))
      .map(({ messageText, file: at }) => `${at?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
    expect(messages).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
