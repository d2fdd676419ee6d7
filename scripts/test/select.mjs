// Which suites a run of the tests consists of: from names of suites and groups, and from paths of files and folders.
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import jestConfig from '../../jest.config.mjs'
import { SetUpError } from '../setup/failure.mjs'
import { filesIn, root } from '../setup/paths.mjs'

/** What belongs to every page of documentation. */
const PAGE = ['format', 'prose', 'test/docs/pages.test.ts', 'test/integration/readme.test.ts']

/** The tests that compare the pages of a package with its code. */
const pageTests = (name) =>
  ['readme', 'tables']
    .map((each) => `packages/${name}/test/${each}.test.ts`)
    .filter((path) => existsSync(join(root, path)))

/**
 * What belongs to a path, for the folders that are no jest project: the first that fits counts. A name of a suite or a
 * group, or a test file.
 */
const BELONGING = [
  [/^packages\/([^/]+)$/, ([, name]) => [name]],
  [/^python\/src\/terrarium_shepherd\//, () => ['mypy', 'pytest', 'process']],
  [/^python\//, () => ['mypy', 'pytest']],
  [/^proto(\/|$)/, () => ['buf', 'stubs', 'worker', 'pytest']],
  [/^docs\/values\./, () => ['stubs', 'test/integration/values.test.ts', 'packages/worker/test/values-table.test.ts']],
  [
    /^(?:docs\/([^/.]+)(?:\/|$)|packages\/([^/]+)\/README\.md$)/,
    ([, ofDocs, name = ofDocs]) => [...PAGE, ...pageTests(name)],
  ],
  [/(^docs(\/|$)|\.md$)/, () => PAGE],
  [/^scripts\/generate/, () => ['stubs']],
  [
    /^scripts(\/|$)/,
    () => [
      'oxlint',
      'eslint',
      'format',
      'prose',
      'knip',
      'test/lint',
      'test/scripts',
      'test/integration/runner.test.ts',
    ],
  ],
  [/^test\/support(\/|$)/, () => ['types', 'integration']],
  [/^test$/, () => ['integration']],
  [/^examples$/, () => ['examples']],
  [/^(packages)$/, () => ['jest']],
  [/^test\/differential\//, () => ['test/differential/differential.test.ts']],
  [/^test\/(\w+)\//, ([, name]) => [name]],
]

const isTest = (path) => /\.test\.ts$/.test(path)
const isPythonTest = (path) => /^python\/tests\/test_\w+\.py$/.test(path)

/**
 * @param {readonly string[]} words names of suites and groups, and paths relative to the current folder or the root
 * @param {readonly { name: string, groups: readonly string[] }[]} suites
 * @returns {Map<string, string[]>} the names of the suites, each with the test files, or none where all of it runs
 * @throws {SetUpError} where a word means nothing
 */
export function select(words, suites) {
  const selected = new Map()
  const add = (name, files = []) => {
    const before = selected.get(name)
    selected.set(
      name,
      before === undefined ? files : before.length === 0 || files.length === 0 ? [] : [...before, ...files],
    )
  }
  for (const word of words) {
    const named = suites.filter(({ name, groups }) => name === word || groups.includes(word))
    const path = named.length > 0 ? undefined : [resolve(word), join(root, word)].find(existsSync)
    if (named.length === 0 && path === undefined) throw new SetUpError(unknown(word, suites))
    for (const { name } of named) add(name)
    if (path !== undefined) addPath(relative(root, path), suites, add)
  }
  return selected
}

/**
 * What has to be set up for suites: suites of the group `oldest` alone need the environment with the oldest versions.
 *
 * @param {readonly { groups: readonly string[] }[]} chosen
 */
export const needOf = (chosen) => (chosen.some(({ groups }) => groups.includes('oldest')) ? 'everything' : 'test')

function addPath(path, suites, add) {
  const tests = testsOf(path)
  if (tests.length > 0) {
    for (const test of tests) {
      if (isPythonTest(test)) for (const name of ['pytest', 'pytest-oldest']) add(name, [relative('python', test)])
      else add(projectOf(test), [test])
    }
    return
  }
  const [pattern, belonging] = BELONGING.find(([each]) => each.test(path)) ?? []
  if (pattern === undefined) {
    const [, name] = /^packages\/([^/]+)/.exec(path) ?? []
    return name === undefined ? add('types') : add(name)
  }
  for (const [name, files] of select(belonging(pattern.exec(path)), suites)) add(name, files)
}

/**
 * The test files that belong to a path: all in a folder of tests; the tests of the same package that are named for a
 * source file, or for a folder of sources. `src/values/codec.ts` has `codec.test.ts` and `codec.*.test.ts`; a folder
 * `src/otp` has those of its files and the folder `test/otp`.
 */
function testsOf(path) {
  if (isTest(path) || isPythonTest(path)) return [path]
  const [, base] = /^((?:packages|examples)\/[^/]+)\/src\//.exec(path) ?? []
  if (base === undefined)
    return isFolder(path) && !/^(packages(\/[^/]+)?|examples|test)$/.test(path) ? testsIn(path) : []
  const names = new Set(isFolder(path) ? [basename(path), ...filesIn(join(root, path)).map(nameOf)] : [nameOf(path)])
  return testsIn(join(base, 'test')).filter(
    (test) => names.has(nameOf(test)) || (isFolder(path) && basename(dirname(test)) === basename(path)),
  )
}

const isFolder = (path) => statSync(join(root, path)).isDirectory()
const nameOf = (path) => basename(path).split('.')[0]
const testsIn = (folder) =>
  filesIn(join(root, folder))
    .map((path) => join(folder, path))
    .filter((path) => (isTest(path) || isPythonTest(path)) && !/(^|\/)(node_modules|dist)\//.test(path))

/** The jest project that runs a test file: the one with the innermost folder. */
function projectOf(test) {
  const roots = jestConfig.projects.map(({ displayName, roots: [folder] }) => [
    displayName,
    folder.slice('<rootDir>/'.length),
  ])
  const fitting = roots.filter(([, folder]) => test.startsWith(`${folder}/`))
  return fitting.sort(([, one], [, other]) => other.length - one.length)[0][0]
}

function unknown(word, suites) {
  const known = [...new Set(suites.flatMap(({ groups, name }) => [...groups, name]))].join(', ')
  return `No suite is called ${word}, and no file or folder either. There are: ${known}.`
}
