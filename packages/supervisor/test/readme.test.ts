// The programs of the README and of the pages in docs/supervisor: they are these files, and print what is said here.
import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import { blocks } from '../../../test/support/markdown.ts'

const here = import.meta.dirname

/** What is printed while the module runs. */
async function printedBy(run: () => Promise<unknown>): Promise<unknown[][]> {
  const printed: unknown[][] = []
  const { log } = console
  console.log = (...values: unknown[]): void => {
    printed.push(values)
  }
  try {
    await run()
  } finally {
    console.log = log
  }
  return printed
}

/** Each block of code of a page is one of these files, in this order. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'packages/supervisor/README.md': ['example'],
  'docs/supervisor/events.md': ['events'],
  'docs/supervisor/actors.md': ['embedded', 'clock'],
  'docs/explain.md': ['explain'],
  'docs/strategies.md': ['short', 'actions', 'memory'],
}

test.each(Object.entries(PROGRAMS))('the code of %s is the code of these examples', async (path, names) => {
  const files = names.map((name) => readFile(`${here}/readme.${name}.ts`, 'utf8'))
  const code = blocks(path).filter(({ language }) => language === 'ts')
  expect(code.map((block) => block.code)).toEqual(await Promise.all(files))
})

test('the first example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.example.ts'))).toEqual([
    ['flaky ended: error'],
    ['jobs ended: shutdown'],
    [['cache running 1', 'flaky running 2', 'jobs running 2']],
    ['jobs ended: shutdown'],
    ['flaky ended: shutdown'],
    ['cache ended: shutdown'],
  ])
})

test('the events example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.events.ts'))).toEqual([
    ['child.start', 'app', 'jobs'],
    ['child.ready', 'app', 'jobs'],
    ['child.exit', 'jobs', 'job'],
    ['supervisor.exit', 'jobs', ''],
    ['child.exit', 'app', 'jobs'],
    ['supervisor.exit', 'app', ''],
  ])
})

test('the explain example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.explain.ts'))).toEqual([
    ['If db failed, it would be started again after 500 ms, together with web and mail.'],
    ['mail failed once with Error: mailbox full and is started again in 400 ms together with db and web.'],
    ['web is down until mail, which has failed, is started again.'],
    ['-', 'web', 'child.exit'],
    ['-', 'db', 'child.exit'],
    ['-', 'db', 'child.start'],
    ['-', 'db', 'child.ready'],
    ['-', 'web', 'child.start'],
    ['-', 'web', 'child.ready'],
  ])
})

test('the strategies run as they say', async () => {
  expect(await printedBy(() => import('./readme.short.ts'))).toEqual([['a 2, b 2, c 1']])
  expect(await printedBy(() => import('./readme.actions.ts'))).toEqual([
    ['maps', 'is parked:', 'the licence has run out'],
    ['page', 'starts:', 'maps waits'],
    ['maps parked, page running'],
  ])
  expect(await printedBy(() => import('./readme.memory.ts'))).toEqual([['2 1 1'], ['2 2 1'], ['3 3 2']])
})

test('the embedding example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.embedded.ts'))).toEqual([
    [{ specs: 1, active: 1, supervisors: 0, workers: 1 }],
  ])
})

test('the clock example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.clock.ts'))).toEqual([['parked', 60_000]])
})
