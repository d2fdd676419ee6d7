// The example of React in a real browser: StrictMode, hot reload, and an error boundary for a parked child.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import { browserTest, withPage, type Opened } from './pages.ts'

const EXAMPLE = 'examples/react-supervision'

/** How many connections of the feed are open. */
const open = ({ printed }: Opened): number =>
  printed.filter((line) => line === 'feed opened').length - printed.filter((line) => line === 'feed closed').length

const textOf = (page: Page, child: string): Promise<string> => page.locator(`#${child}`).innerText()

const prices = async (page: Page): Promise<number> => Number(await page.locator('output').innerText())

/** Waits until there are more prices than so many. */
async function morePrices(page: Page, than: number): Promise<number> {
  await page.waitForFunction(`Number(document.querySelector('output')?.textContent) > ${than}`)
  return prices(page)
}

function edit({ folder }: Opened, file: string, from: string, to: string): void {
  const path = join(folder, 'src', file)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(from)
  writeFileSync(path, text.replace(from, to))
}

/** Marks the document, so that a reload of the page is noticed. */
const mark = (page: Page): Promise<unknown> => page.evaluate(() => Reflect.set(globalThis, 'isMarked', true))
const isMarked = (page: Page): Promise<unknown> => page.evaluate(() => Reflect.get(globalThis, 'isMarked') as unknown)

browserTest('in StrictMode one tree runs, and none when its part of the page is unmounted', () =>
  withPage(EXAMPLE, async (opened) => {
    const { page, printed, wrong } = opened
    await morePrices(page, 2)
    expect(await textOf(page, 'feed')).toMatch(/^feed running, start 1/)
    expect(printed.filter((line) => line === 'feed opened')).toHaveLength(2) // React has mounted it twice
    expect(open(opened)).toBe(1)
    await page.locator('#switch').click()
    await page.locator('#off').waitFor()
    expect(open(opened)).toBe(0)
    await page.locator('#switch').click()
    await morePrices(page, 0)
    expect(open(opened)).toBe(1)
    expect(wrong).toEqual([])
  }),
)

browserTest('a child that fails is restarted and resumed, and the page goes on', () =>
  withPage(EXAMPLE, async (opened) => {
    const { page, wrong } = opened
    const before = await morePrices(page, 5)
    await page.getByText('Break it').click()
    await page.getByText('feed running, start 2').waitFor()
    expect(await prices(page)).toBeGreaterThanOrEqual(before)
    await morePrices(page, before)
    expect(open(opened)).toBe(1)
    expect(wrong).toEqual([])
  }),
)

browserTest('a parked child is shown by the error boundary, and is shown again when it was unparked', () =>
  withPage(EXAMPLE, async ({ page, wrong }) => {
    await page.getByRole('alert').waitFor()
    expect(await textOf(page, 'orders')).toMatch(/orders is parked: no address for orders is set/)
    expect(await textOf(page, 'feed')).toMatch(/^feed running, start 1/)
    await page.getByText('Set it, and try again').click()
    await page.getByText('orders running').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    expect(wrong).toEqual([])
  }),
)

browserTest('hot reload: an edit of what shows the tree leaves the tree running, an edit of the tree replaces it', () =>
  withPage(EXAMPLE, async (opened) => {
    const { page, printed, wrong } = opened
    await mark(page)
    const before = await morePrices(page, 3)
    const connections = printed.filter((line) => line === 'feed opened').length
    edit(opened, 'child-view.tsx', '{child.id} {child.state}, start', '{child.id} is {child.state}, start')
    await page.getByText('feed is running, start 1').waitFor()
    expect(await prices(page)).toBeGreaterThanOrEqual(before)
    expect(printed.filter((line) => line === 'feed opened')).toHaveLength(connections)

    edit(
      opened,
      'tree.ts',
      "{ id: 'feed', logic: feed,",
      "{ id: 'news', logic: feed },\n    { id: 'feed', logic: feed,",
    )
    await page.getByText('news is running, start 1').waitFor()
    await morePrices(page, 0)
    expect(open(opened)).toBe(2) // of the new tree: the old one has stopped
    expect(await isMarked(page)).toBe(true)
    expect(wrong).toEqual([])
  }),
)
