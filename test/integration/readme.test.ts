import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT, run } from '../support/command.ts'
import { habitat, testPython } from '../support/terrarium.ts'

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts

const blocks = (language: string, text = readme): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, body = '']) => body)

/** Every command of the README, in blocks and in the text. */
const INSTALLED = /^(npm install|npx terrarium|python3 -m venv) /
const commands = [
  ...new Set([
    // Commands for a project with the packages installed are run in test/installed.
    ...blocks('sh').flatMap((block) =>
      block
        .trim()
        .split('\n')
        .filter((line) => !INSTALLED.test(line)),
    ),
    ...[...readme.matchAll(/`(npm (?:start|test|run)[^`]*)`/g)].map(([, command = '']) => command),
  ]),
]

test('every command of the README is run by this file, or runs this file', () => {
  expect(commands.sort()).toEqual([
    'npm run bench -- cli', // test/bench/cli/cli.test.ts, in short
    'npm run bench -- observe', // test/bench/observe/observe.test.ts, in short
    'npm run bench -- process', // test/bench/process/process.test.ts, in short
    'npm run bench -- supervisor', // test/bench/supervisor/supervisor.test.ts, in short
    'npm run bench -- wire', // test/bench/wire/wire.test.ts, in short
    'npm run chaos', // test/chaos/chaos.test.ts, in short
    'npm run demo:arrays', // test/tools/learning.test.ts
    'npm run demo:batches', // examples/batches/test/batches.test.ts
    'npm run demo:custom-strategy', // examples/custom-strategy/test/strategies.test.ts
    'npm run demo:embedded-supervisor', // examples/embedded-supervisor/test/embedded.test.ts
    'npm run demo:fastify', // examples/fastify-service/test/fastify.test.ts
    'npm run demo:host-calls', // examples/python-calls-node/test/host-calls.test.ts
    'npm run demo:keep', // examples/keep-a-server/test/keep.test.ts
    'npm run demo:missing-module', // main-job.test.ts
    'npm run demo:react', // test/browser/demo.test.ts
    'npm run demo:replay', // examples/replay-an-incident/test/replay.test.ts
    'npm run demo:session', // examples/session-model/test/session.test.ts
    'npm run demo:train', // test/tools/learning.test.ts
    'npm run demo:two-pools', // examples/two-pools-one-server/test/two-pools.test.ts
    'npm run pack -- FOLDER', // test/installed
    'npm start', // main-job.test.ts
    'npm start -- --json', // main-job.test.ts
    'npm start -- --watch', // main-job.test.ts
    'npm start -- DIR --workers 4', // main-job.test.ts
    'npm test',
  ])
  for (const command of commands) {
    const name = command.replace(/^npm (run )?/, '').split(' ')[0] ?? ''
    expect(scripts).toHaveProperty([name])
  }
})

test('CI runs the test command of the README, and then the rest of the tests', () => {
  const lines = readFileSync(join(ROOT, '.ci', 'run'), 'utf8').split('\n')
  expect(lines.filter((line) => line.startsWith('npm '))).toEqual([
    'npm test',
    'npm run --silent test:everything -- --rest',
  ])
})

/**
 * Runs a program beside the tools of the README, in a folder below test/: packages are found there as in a user's
 * project, and the lint does not read it.
 */
async function runBesideTools(program: string, modules: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const home = habitat()
  const directory = mkdtempSync(join(ROOT, 'test', 'dist', 'readme-'))
  try {
    const [tools = ''] = blocks('python')
    writeFileSync(join(directory, 'tools.py'), tools)
    for (const [name, text] of Object.entries({ ...modules, 'main.mjs': program })) {
      writeFileSync(join(directory, name), text)
    }
    const { code, stdout, stderr } = await run(process.execPath, ['main.mjs'], {
      cwd: directory,
      env: { TERRARIUM_STATE_DIR: home.stateDir, TERRARIUM_PYTHON: testPython() },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout.trim().split('\n')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the first program of the README has ten lines, with its tools, and prints what the README shows', async () => {
  const [main = ''] = blocks('js')
  const [tools = ''] = blocks('python')
  const lines = `${tools}${main}`.split('\n').filter((line) => line.trim() !== '')
  expect(lines.length).toBeLessThanOrEqual(10)
  expect(await runBesideTools(main)).toEqual(blocks('text')[0]?.trim().split('\n'))
})

test('the code of the README does what its comments say', async () => {
  const [, main = ''] = blocks('js')
  expect(main.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(20)
  const lines = await runBesideTools(main)
  expect(lines[0]).toBe('{ to: 2, be: 2, or: 1, not: 1 }')
  expect(lines[1]).toMatch(/^INVALID_ARGUMENT /)
  expect(lines.slice(2)).toEqual(['worker-2 ended: shutdown', 'worker-1 ended: shutdown', '0'])
})

test('the training of the README streams its epochs, tells its progress, and is left in time', async () => {
  const [, , program = ''] = blocks('js')
  const [, training = ''] = blocks('python')
  const seen = program
    .replace('console.error(', 'told.push(')
    .replace('await pool.stop()', 'await pool.stop()\nconsole.log(told.length > 0)')
  const lines = await runBesideTools(`const told = []\n${seen}`, { 'train.py': training })
  expect(lines).toEqual([...(blocks('text')[1]?.trim().split('\n') ?? []), 'true'])
})

test.each([
  ['pool', '{ a: 2, b: 1 }'],
  ['worker', '{ to: 2, be: 2, or: 1, not: 1 }'],
])('the code of the README of packages/%s does what its comments say', async (name, expected) => {
  const [program = ''] = blocks('js', readFileSync(join(ROOT, 'packages', name, 'README.md'), 'utf8'))
  expect(await runBesideTools(program)).toEqual([expected])
})

const calls = readFileSync(join(ROOT, 'docs', 'calls.md'), 'utf8')
const verbs = calls
  .split(/^(?=## )/m)
  .filter((section) => blocks('js', section).length > 0)
  .map((section) => ({ verb: /^## (.*)$/m.exec(section)?.[1] ?? '', section }))

test('docs/calls.md has programs of these verbs', () => {
  expect(verbs.map(({ verb }) => verb)).toEqual([
    'A call',
    'Streams',
    'Streams as arguments',
    'Many items',
    'Batches',
    'Plain functions',
    'Sessions',
    'Deadlines',
    'Progress',
    'Functions of the host',
  ])
})

test.each(verbs)('the program of docs/calls.md for $verb prints what the page shows', async ({ section }) => {
  const [[program = ''], [tools = ''], [shown = '']] = [
    blocks('js', section),
    blocks('python', section),
    blocks('text', section),
  ]
  expect(await runBesideTools(program, { 'tools.py': tools })).toEqual(shown.trim().split('\n'))
})

test('the nested pool in the README of packages/pool does what its comments say', async () => {
  const text = readFileSync(join(ROOT, 'packages', 'pool', 'README.md'), 'utf8')
  const program = blocks('js', text).find((code) => code.includes('poolOf')) ?? ''
  expect(await runBesideTools(program)).toEqual(['{ a: 2, b: 1 }', 'running'])
})

test('the module in the README of packages/pool keeps one pool when it is loaded again', async () => {
  const text = readFileSync(join(ROOT, 'packages', 'pool', 'README.md'), 'utf8')
  const module = blocks('js', text).find((code) => code.includes('globalThis')) ?? ''
  const program = `
    const [{ pool }, again] = [await import('./pool.mjs?1'), await import('./pool.mjs?2')]
    await pool.start()
    console.log(again.pool === pool, await again.pool.call('word_count', { text: 'a b a' }))
    await pool.stop()
  `
  expect(await runBesideTools(program, { 'pool.mjs': module })).toEqual(['true { a: 2, b: 1 }'])
})
