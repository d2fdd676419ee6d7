// Tests of all pages of documentation: what they name exists, their programs are run by some test, and their tables of
// packages, dependencies, commands and error codes are those of the repository.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../support/command.ts'
import { blocks, page, plain, section, tableRows } from '../support/markdown.ts'
import { Shapes } from '../support/shapes.ts'

const tracked = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
const files = tracked.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)))
const pages = files.filter((path) => path.endsWith('.md'))

const withoutCode = (text: string): string => text.replace(/^```[^]*?^```$/gm, '')

/** Paths from the root of the checkout, as they stand in code marks. */
const FOLDERS = ['packages', 'python', 'test', 'scripts', 'docs', 'proto', 'examples']
const PATH = new RegExp(`^(?:${FOLDERS.join('|')})/[\\w./-]*$`)

test.each(pages)('each path that %s names exists', (path) => {
  const named = [...withoutCode(page(path)).matchAll(/`([^`\s]+)`/g)].map(([, name = '']) => name)
  const missing = named.filter((name) => PATH.test(name) && !existsSync(join(ROOT, name)))
  expect(missing).toEqual([])
})

/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

const anchorsOf = (path: string): string[] =>
  [...withoutCode(page(path)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))

test.each(pages)('each link of %s leads somewhere', (path) => {
  const links = [...withoutCode(page(path)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : normalize(join(dirname(path), file))
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor)
  })
  expect(broken).toEqual([])
})

test('the page that PyPI shows has no link into the repository, which would lead nowhere there', () => {
  const links = [...withoutCode(page('python/README.md')).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  expect(links.filter((link) => !/^https?:/.test(link))).toEqual([])
})

/** Which test runs the programs of a page. */
const RUN_BY: Readonly<Record<string, string>> = {
  'README.md': 'test/integration/readme.test.ts',
  'docs/calls.md': 'test/integration/readme.test.ts',
  'docs/containers-and-services.md': 'test/installed/hosts.test.ts',
  'docs/explain.md': 'packages/supervisor/test/readme.test.ts',
  'docs/inspector.md': 'packages/inspector/test/readme.test.ts',
  'docs/process/keep.md': 'packages/process/test/readme.test.ts',
  'docs/process/runtime.md': 'packages/process/test/readme.test.ts',
  'docs/strategies.md': 'packages/supervisor/test/readme.test.ts',
  'docs/supervisor/actors.md': 'packages/supervisor/test/readme.test.ts',
  'docs/supervisor/events.md': 'packages/supervisor/test/readme.test.ts',
  'docs/testing.md': 'test/docs/testing-page.test.ts',
  'docs/values.md': 'test/integration/values.test.ts',
  'packages/inspector/README.md': 'packages/inspector/test/readme.test.ts',
  'packages/observe/README.md': 'packages/observe/test/readme.test.ts',
  'packages/pool/README.md': 'test/integration/readme.test.ts',
  'packages/process/README.md': 'packages/process/test/readme.test.ts',
  'packages/supervisor/README.md': 'packages/supervisor/test/readme.test.ts',
  'packages/threads/README.md': 'packages/threads/test/readme.test.ts',
  'packages/worker/README.md': 'test/integration/readme.test.ts',
}

test('I18: each page with a program is one whose programs a test runs', () => {
  const withPrograms = pages.filter(
    (path) => !path.startsWith('examples/') && blocks(path).some(({ language }) => /^(js|ts|mjs)$/.test(language)),
  )
  expect(withPrograms.filter((path) => !(path in RUN_BY))).toEqual([])
  for (const [path, runner] of Object.entries(RUN_BY)) {
    expect(withPrograms).toContain(path)
    const name = path.split('/').at(-1) ?? ''
    expect({ runner, names: page(runner).includes(name) }).toEqual({ runner, names: true })
  }
})

test.each(files.filter((path) => /^examples\/[^/]+\/README\.md$/.test(path)))(
  'I18: the code in %s is code of the example',
  (path) => {
    const sources = files.filter((each) => each.startsWith(`${dirname(path)}/src/`)).map((each) => lines(page(each)))
    const quoted = blocks(path).filter(({ language }) => /^(js|ts)$/.test(language))
    const foreign = quoted.filter(({ code }) => !sources.some((source) => source.includes(lines(code))))
    expect(foreign).toEqual([])
  },
)

/** Without indentation. */
const lines = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .join('\n')

const manifest = (folder: string): { readonly [key: string]: unknown } =>
  JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Record<string, unknown>

const packages = readdirSync(join(ROOT, 'packages')).filter((name) =>
  existsSync(join(ROOT, 'packages', name, 'package.json')),
)

test.each(packages)('the README of %s names each of its dependencies', (name) => {
  const { dependencies = {}, peerDependencies = {} } = manifest(`packages/${name}`)
  const expected = Object.keys({ ...(dependencies as object), ...(peerDependencies as object) })
  const rows = tableRows(`packages/${name}/README.md`, 'Dependencies')
  expect(rows.flatMap((row) => [...(row.package ?? '').matchAll(/`([^`]+)`/g)].map(([, each]) => each)).sort()).toEqual(
    expected.sort(),
  )
})

test('the README of python names each optional package with its extra, and there is no other dependency', () => {
  const [, table = ''] = page('python/pyproject.toml').split('[project.optional-dependencies]')
  const extras = [...(table.split(/^\[/m)[0] ?? '').matchAll(/^(\w+) = \[(.*)\]$/gm)].filter(
    ([, extra]) => extra !== 'test',
  )
  const expected = extras.flatMap(([, extra = '', list = '']) =>
    [...list.matchAll(/"([\w.-]+)/g)].map(([, name = '']) => `${extra}: ${name}`),
  )
  expect(page('python/pyproject.toml')).toMatch(/^dependencies = \[\]$/m)
  const rows = tableRows('python/README.md', 'Dependencies')
  expect(rows.map((row) => `${plain(row.extra)}: ${plain(row.package)}`).sort()).toEqual(expected.sort())
  expect(expected).toContain('grpc: grpcio')
})

test('the README names each package, and CONTRIBUTING says of each where to look', () => {
  const readme = page('README.md')
  const contributing = section('CONTRIBUTING.md', 'Where to look')
  const headings = [...page('CONTRIBUTING.md').matchAll(/^### (.*)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase(),
  )
  for (const name of packages) {
    expect(readme).toContain(`(packages/${name}/README.md)`)
    expect(headings).toContain(name)
  }
  expect(contributing).toBeDefined()
  for (const part of ['python', 'scripts and tests']) expect(headings).toContain(part)
})

test('the map names each folder of the sources of a package', () => {
  const rooms = new Set(files.flatMap((path) => /^(packages\/[^/]+\/src\/[^/]+)\/./.exec(path)?.slice(1) ?? []))
  const mapped = tableRows('docs/architecture.md', 'Rooms').map((row) => plain(row.room))
  expect(mapped.filter((room) => room.startsWith('packages/')).sort()).toEqual([...rooms].sort())
})

test('each command of CONTRIBUTING is one of the checkout', () => {
  const { scripts } = manifest('.') as { readonly scripts: Readonly<Record<string, string>> }
  const named = [...page('CONTRIBUTING.md').matchAll(/npm (?:run )?([a-z][\w:]*)/g)].map(([, name = '']) => name)
  expect(named).toContain('test')
  expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([])
})

test('the decisions are listed, each once', () => {
  const listed = [...page('docs/decisions/README.md').matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => name)
  const there = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => name !== 'README.md')
  expect(listed.sort()).toEqual(there.sort())
})

/** The sources of each package, but for the list of the codes. */
const sourcesOf = (name: string): string =>
  files
    .filter((path) => path.startsWith(`packages/${name}/src/`) && !path.endsWith('/error-codes.ts'))
    .map(page)
    .join('')

test('the table of errors has each code, and the packages whose sources name it', () => {
  const shapes = new Shapes('packages/supervisor/src/base/error-codes.ts')
  const rows = tableRows('docs/errors.md', 'Errors')
  expect(rows.map((row) => plain(row.code)).sort()).toEqual([...shapes.literals('ErrorCode')].sort())
  const found = rows.map((row) => [
    plain(row.code),
    [...(row.from ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(),
  ])
  const sources = packages.map((name) => [name, sourcesOf(name)] as const)
  const naming = (code: string): string[] =>
    sources.flatMap(([name, text]) => (text.includes(`'${code}'`) ? [name] : []))
  expect(found).toEqual(rows.map((row) => [plain(row.code), naming(plain(row.code)).sort()]))
})

test('the README of the Python package has each exit status of a worker', () => {
  const sources = page('python/src/terrarium/_exit.py') + page('python/src/terrarium_shepherd/arm.py')
  const statuses = [...sources.matchAll(/^[A-Z][A-Z_]* = (\d+)$/gm)].map(([, status]) => status)
  const rows = tableRows('python/README.md', 'How a worker starts')
  expect(rows.map((row) => row['exit status']).sort()).toEqual(statuses.sort())
})
