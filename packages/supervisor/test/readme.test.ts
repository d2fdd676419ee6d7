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
  const examples = ['readme.example.ts', 'readme.clock.ts'].map((name) => readFile(`${here}/${name}`, 'utf8'))
  expect(blocks).toEqual(await Promise.all(examples))
})

test('the first example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.example.ts'))).toEqual([
    ['flaky ended: error'],
    [['counter running 1', 'flaky running 2']],
    ['flaky ended: shutdown'],
    ['counter ended: shutdown'],
  ])
})

test('the clock example runs as it says', async () => {
  expect(await printedBy(() => import('./readme.clock.ts'))).toEqual([['parked', 60_000]])
})
