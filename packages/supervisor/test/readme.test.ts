import { expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'

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

test('the code of the README is the code of these examples', async () => {
  const readme = await readFile(`${here}/../README.md`, 'utf8')
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code)
  const names = ['example', 'events', 'strategy', 'embedded', 'clock']
  const examples = names.map((name) => `readme.${name}.ts`).map((name) => readFile(`${here}/${name}`, 'utf8'))
  expect(blocks).toEqual(await Promise.all(examples))
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

test('the strategy example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.strategy.ts'))).toEqual([['db 2, queue 1, api 2, mail 1, web 2']])
})

test('the embedding example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.embedded.ts'))).toEqual([
    [{ specs: 1, active: 1, supervisors: 0, workers: 1 }],
  ])
})

test('the clock example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.clock.ts'))).toEqual([['parked', 60_000]])
})
