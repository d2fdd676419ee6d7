import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createContext, SourceTextModule } from 'node:vm'
import { beforeAll, expect, test } from '@jest/globals'
import { mustEnd, ROOT, run } from '../support/command.ts'
import { blocks } from '../support/markdown.ts'
import { INSTALLED, PACKAGES, PROJECT, stranger, type NodeName } from './stranger.ts'

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** The row of a tool in the README's table. */
function said(tool: string): string {
  const row = readme.split('\n').find((line) => line.startsWith(`| ${tool} `))
  if (row === undefined) throw new Error(`the README says nothing about ${tool}`)
  return row
}

/** The nth piece of code in the README's row of a tool. */
const code = (tool: string, index = 0): string => [...said(tool).matchAll(/`([^`]+)`/g)][index]?.[1] ?? ''

/** Tools that only this test needs. */
const tools = mkdtempSync(join(INSTALLED, 'tools '))
const bin = (name: string): string => join(tools, 'node_modules', '.bin', name)
const TOOLS = ['vite@8.4.0', 'vitest@5.1.2', '@jest/globals@30.5.2', '@arethetypeswrong/cli@0.18.5']

/** Tools in the version of this checkout. */
const require = createRequire(import.meta.url)
const own = (name: string, path: string): string => join(require.resolve(`${name}/package.json`), '..', path)

beforeAll(async () => {
  writeFileSync(join(tools, 'package.json'), '{ "private": true }')
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...TOOLS]
  const { code, stderr } = await run('npm', install, { cwd: tools, env: { NODE_OPTIONS: '' } })
  if (code !== 0) throw new Error(stderr)
})

/** Writes files into a new folder of the project, where its packages are found. */
function inProject(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(PROJECT, 'consumer '))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  cpSync(join(PROJECT, 'tools.py'), join(folder, 'tools.py'))
  return folder
}

const MODULES = [
  ...['supervisor', 'supervisor/base', 'supervisor/otp', 'supervisor/strategies', 'supervisor/testing'],
  ...['inspector', 'inspector/server', 'inspector/vite', 'inspector/web', 'inspector/protocol'],
  ...['process', 'process/system', 'worker', 'pool', 'pool/testing', 'observe', 'observe/client', 'cli'],
]

const TYPES = `
import { createPool, type Pool } from '@terrarium/pool'
import { keep, type Kept } from '@terrarium/process'
import { createSupervisor, type Supervisor } from '@terrarium/supervisor'
${MODULES.map((name, index) => `import * as m${index} from '@terrarium/${name}'`).join('\n')}

const pool: Pool = createPool({ name: 'text', tools: './tools.py' })
export const kept: Kept = keep('true')
export const app: Supervisor = createSupervisor({ id: 'app', children: [] })
export const counts: Promise<Record<string, number>> = pool.call('word_count', { text: 'a' })
// @ts-expect-error: types are told, not any
createPool({ name: 1, tools: './tools.py' })
export const all = [${MODULES.map((_, index) => `m${index}`).join(', ')}]
`

test.each([
  ['6', 'typescript'],
  ['7', 'typescript7'],
])('A1: a strict TypeScript %s project checks all declarations', async (_, typescript) => {
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', skipLibCheck: false, noEmit: true }
  const files = { 'main.mts': TYPES, 'main.cts': TYPES }
  const config = JSON.stringify({ compilerOptions, files: Object.keys(files) })
  const cwd = inProject({ ...files, 'tsconfig.json': config })
  const tsc = own(typescript, 'bin/tsc')
  mustEnd(await run(process.execPath, [tsc, '-p', '.'], { cwd }), 0, '')
  // Without the DOM library, and with modules that are found only through the packages themselves.
  const bare = { ...compilerOptions, lib: ['es2022'], types: [] }
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions: bare, files: Object.keys(files) }))
  mustEnd(await run(process.execPath, [tsc, '-p', '.'], { cwd }), 0, '')
})

test('A1: the declarations of @terrarium/process check where nothing else is installed', async () => {
  const cwd = mkdtempSync(join(INSTALLED, 'process alone '))
  writeFileSync(join(cwd, 'package.json'), '{ "private": true, "type": "module" }')
  const packed = readdirSync(PACKAGES).filter((name) => /supervisor|process/.test(name) && name.endsWith('.tgz'))
  const install = ['install', '--no-audit', '--no-fund', ...packed.map((name) => join(PACKAGES, name))]
  mustEnd(await run('npm', install, { cwd, env: { NODE_OPTIONS: '' } }), 0)
  writeFileSync(join(cwd, 'main.ts'), "import * as process from '@terrarium/process'\nexport const all = process\n")
  const compilerOptions = { strict: true, module: 'nodenext', lib: ['es2022'], skipLibCheck: false, noEmit: true }
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
  const tsc = own('typescript', 'bin/tsc')
  mustEnd(await run(process.execPath, [tsc, '-p', '.'], { cwd }), 0, '')
})

test('A1: are-the-types-wrong finds nothing wrong', async () => {
  const tarballs = readdirSync(PACKAGES).filter((name) => name.endsWith('.tgz'))
  expect(tarballs).toHaveLength(readdirSync(join(ROOT, 'packages')).length)
  for (const name of tarballs) {
    const args = [join(PACKAGES, name), '--profile', 'esm-only', '--format', 'ascii']
    mustEnd(await run(bin('attw'), args), 0)
  }
})

const JEST = (load: string): string => `
test('calls', async () => {
  const { createPool } = ${load}
  const pool = createPool({ name: 'text', tools: './tools.py' })
  await pool.start()
  expect(await pool.call('word_count', { text: 'a a' })).toEqual({ a: 2 })
  expect(await pool.stop()).toEqual({ processesLeft: 0 })
})
`

/** A test with the test kit, which is loaded as the package is, and with globals of the runner. */
const KIT = (load: string): string => `
test('counts without Python', async () => {
  const { Habitat, matchers, testPool } = ${load.replace('/pool', '/pool/testing')}
  expect.extend(matchers)
  const home = new Habitat()
  const pool = home.testPool({ name: 'text', tools: { double: ({ n }) => 2 * n } })
  await pool.start()
  expect(pool).toHaveEveryChildReady()
  expect(await pool.call('double', { n: 2 })).toBe(4)
  expect(pool).toHaveRestartedNothing()
  await pool.stop()
  expect(home).toHaveLeftNoProcess()
  await home.end()
})
`

const LOADED = "await import('@terrarium/pool')"

test.each<[NodeName, string, string]>([
  ['newest', 'require', "require('@terrarium/pool')"],
  ['node24', 'require', "require('@terrarium/pool')"],
  ['node22', 'import', LOADED],
  ['node20', 'import', LOADED],
])("A1: on %s Jest's tests in CommonJS can %s the packages, by the line of the README", async (node, _, load) => {
  const [name = '', value = ''] = code('Jest').split('=')
  expect(code('Jest', 1)).toBe(LOADED)
  const cwd = inProject({ 'package.json': '{}', 'pool.test.js': JEST(load), 'kit.test.js': KIT(load) })
  const jest = own('jest', 'bin/jest.js')
  const { code: status, stderr } = await stranger().run('node', [jest, '--rootDir', '.'], {
    node,
    cwd,
    env: { [name]: value, TERRARIUM_PYTHON: join(PROJECT, '.venv') },
  })
  expect(stderr).toContain('Tests:       2 passed, 2 total')
  expect(status).toBe(0)
  expect(stderr).not.toMatch(/did not exit|open handles/)
})

const CARELESS = `
import { habitats } from '@terrarium/pool/testing'
const habitat = habitats(afterEach)
test('careless', async () => {
  const pool = habitat().testPool({ name: 'text', tools: { die: (_, { exit }) => exit() } })
  await pool.start()
  await pool.call('die').catch(() => undefined)
})
`

test('under Vitest the test kit works, and fails a test that does not look at a crash', async () => {
  const cwd = inProject({
    'kit.test.js': KIT("await import('@terrarium/pool')"),
    'careless.test.js': CARELESS,
    'vitest.config.mjs': 'export default { test: { globals: true } }',
  })
  const { code, stdout, stderr } = await stranger().run('node', [bin('vitest'), 'run', '--no-color'], { cwd })
  expect(stdout).toMatch(/Tests +1 failed \| 1 passed \(2\)/)
  expect(stderr).toContain('text/worker-1: worker text/worker-1 died: exit status 1')
  expect(code).toBe(1)
})

const SUITES = `
import { describeBackoff, describeFailureClassifier, describeRestartStrategy } from '@terrarium/supervisor/testing'
describe('right', () => {
  describeRestartStrategy({ name: 'alone', plan: ({ id }) => ({ restart: [id] }) }, { test })
  describeBackoff({ first: 100 }, { test })
  describeFailureClassifier(() => undefined, { test })
})
describe('wrong', () => {
  describeRestartStrategy({ name: 'odd', plan: () => ({ restart: ['zz'] }) }, { test, runs: 5 })
})
`

test('under Vitest the three suites for plug-ins pass, and fail a strategy that names an unknown child', async () => {
  const cwd = inProject({
    'suites.test.js': SUITES,
    'vitest.config.mjs': 'export default { test: { globals: true } }',
  })
  const { code, stdout, stderr } = await stranger().run('node', [bin('vitest'), 'run', '--no-color'], { cwd })
  expect(stdout).toMatch(/Tests +7 failed \| 32 passed \(39\)/)
  expect(stderr).toContain("plan() must name children of the supervisor only: it named 'zz' when a failed")
  expect(stderr).not.toMatch(/FAIL .*right/)
  expect(code).toBe(1)
})

test('the declarations of docs/testing.md add the matchers to the types of Jest and Vitest', async () => {
  const [forJest = '', forVitest = ''] = blocks('docs/testing.md')
    .filter(({ language }) => language === 'ts')
    .map(({ code }) => code)
  const use = `
    import { testPool } from '@terrarium/pool/testing'
    const tools = { half: ({ n }: { n: number }) => n / 2 }
    const pool = testPool({ name: 'text', tools: { ...tools, triple: (args, { worker }) => [worker, 3 * args.n] } })
    expect(pool).toHaveEveryChildReady()
    expect(pool).not.toHaveRestartedNothing()
    // @ts-expect-error: there is no such matcher
    expect(pool).toHaveNothing()
  `
  const files = { 'jest.mts': `${forJest}${use}`, 'vitest.mts': `${forVitest}${use}` }
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2022', skipLibCheck: true, noEmit: true }
  const config = JSON.stringify({ compilerOptions, files: Object.keys(files) })
  const cwd = inProject({ ...files, 'tsconfig.json': config })
  mkdirSync(join(cwd, 'node_modules', '@jest'), { recursive: true })
  for (const name of ['expect', '@jest/globals', 'vitest'])
    symlinkSync(join(tools, 'node_modules', name), join(cwd, 'node_modules', name))
  const tsc = own('typescript', 'bin/tsc')
  mustEnd(await run(process.execPath, [tsc, '-p', '.'], { cwd }), 0, '')
})

const APP = `
import { createPool } from '@terrarium/pool'
async function main() {
  const pool = createPool({ name: 'text', tools: './tools.py' })
  await pool.start()
  console.log(await pool.call('word_count', { text: 'a a' }))
  console.log(await pool.stop())
}
main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
`

/** Bundles the application with esbuild, with the options that the README names. Returns the path of the bundle. */
async function bundle(options: string, out: string): Promise<string> {
  const cwd = inProject({ 'app.mjs': APP })
  const args = ['app.mjs', '--bundle', ...options.split(' '), `--outfile=${out}`]
  const esbuild = own('esbuild', 'bin/esbuild')
  mustEnd(await run(esbuild, args, { cwd }), 0)
  return join(cwd, out)
}

test.each(['esm', 'cjs'])('A9: an esbuild bundle (%s) with the externals of the README runs', async (format) => {
  const path = await bundle(`${code('esbuild')} --format=${format}`, format === 'esm' ? 'out.mjs' : 'out.cjs')
  expect(await stranger().must('node', [path])).toBe('{ a: 2 }\n{ processesLeft: 0 }\n')
})

test('A9: an esbuild bundle in one file runs with the options and the variable of the README', async () => {
  const tool = 'esbuild, one file'
  const path = await bundle(code(tool), 'out.cjs')
  const me = stranger()
  const [variable, ...folders] = [1, 2, 3].map((index) => code(tool, index))
  const copies = join(me.home, 'python files')
  mkdirSync(copies)
  for (const folder of folders) cpSync(join(PROJECT, folder), copies, { recursive: true })
  const env = { [variable ?? '']: copies }
  expect(await me.must('node', [path], { env })).toBe('{ a: 2 }\n{ processesLeft: 0 }\n')

  // Without the variable, or with a wrong value, the error names it.
  for (const wrong of [{}, { [variable ?? '']: '' }, { [variable ?? '']: me.home }]) {
    const { code: status, stderr } = await me.run('node', [path], { env: wrong })
    expect(status).toBe(1)
    expect(stderr).toContain("code: 'CONFIGURATION'")
    expect(stderr).toMatch(/Hint:[^]*TERRARIUM_PYTHON_FILES/)
  }
})

test('A9: a bundle that includes the database fails and names what to leave external', async () => {
  const options = code('esbuild, one file').replace(/ --external:\S+/, '')
  const path = await bundle(options, 'out.cjs')
  const me = stranger()
  const copies = join(me.home, 'python')
  for (const name of ['process', 'worker']) {
    cpSync(join(PROJECT, 'node_modules', '@terrarium', name, 'python'), copies, { recursive: true })
  }
  const { code: status, stderr } = await me.run('node', [path], { env: { TERRARIUM_PYTHON_FILES: copies } })
  expect(status).toBe(1)
  expect(stderr).toContain("code: 'CONFIGURATION'")
  expect(stderr).toContain('--external:@terrarium/*')
})

const PAGE = `
import { createSupervisor } from '@terrarium/supervisor'
import { fromTransition } from 'xstate'
const app = createSupervisor({ id: 'app', children: [{ id: 'a', logic: fromTransition((n) => n + 1, 0) }] })
app.start().then(() => {
  console.log(app.children[0].state)
  return app.stop()
})
`

test('A1: Vite bundles @terrarium/supervisor alone, and the page needs no module of Node', async () => {
  const html = '<!doctype html><script type="module" src="./page.js"></script>'
  const config = { build: { outDir: 'out', modulePreload: false } }
  const cwd = inProject({
    'index.html': html,
    'page.js': PAGE,
    'vite.config.mjs': `export default ${JSON.stringify(config)}`,
  })
  const { code: status, stdout, stderr } = await stranger().run('node', [bin('vite'), 'build'], { cwd })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  // Vite's warning where a page imports a module of Node.
  expect(stdout).not.toMatch(/externalized|warning/i)
  const assets = join(cwd, 'out', 'assets')
  const pages = readdirSync(assets).map((name) => [name, readFileSync(join(assets, name), 'utf8')] as const)
  for (const [identifier, page] of pages) {
    expect(page).not.toMatch(/\brequire\(|__vite-browser-external/)
    const { dependencySpecifiers } = new SourceTextModule(page, { identifier })
    expect(dependencySpecifiers.filter((each) => !each.startsWith('./'))).toEqual([])
  }
  const [name, page] = pages.find(([each]) => each.startsWith('index-')) ?? ['', '']
  // A realm with nothing but timers, a clock and a console. What the page loads later, it does not need here.
  let tell: (text: unknown) => void = () => undefined
  const told = new Promise((resolve) => (tell = resolve))
  const context = createContext({ setTimeout, clearTimeout, performance, console: { ...console, log: tell } })
  const main = new SourceTextModule(page, { context, identifier: name })
  await main.link((specifier) => {
    throw new Error(`the page imports ${specifier}`)
  })
  await main.evaluate()
  expect(await told).toBe('running')
})
