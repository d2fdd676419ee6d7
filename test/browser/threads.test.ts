// Threads in the Web Workers of a real browser.
import { expect } from '@jest/globals'
import type { Page } from 'playwright-core'
import { browserTest, withPage } from './pages.ts'

const PAGE = 'test/browser/page'

/** Calls a function of the page. */
async function run(page: Page, name: string, argument?: string): Promise<unknown> {
  await page.waitForFunction(() => 'run' in globalThis)
  return page.evaluate(
    ([called, given]) =>
      (globalThis as unknown as { run: Record<string, (argument?: string) => Promise<unknown>> }).run[called]?.(given),
    [name, argument] as const,
  )
}

browserTest('an endless loop in a Web Worker is killed at its deadline, while its sibling goes on', () =>
  withPage(PAGE, async ({ page, wrong }) => {
    expect(await run(page, 'killed')).toEqual({
      exit: { type: 'killed', name: undefined, message: undefined },
      event: { type: 'counted', count: 2 },
      context: { count: 2 },
      states: ['looping stopped 1', 'sibling running 1'],
    })
    expect(wrong).toEqual([])
  }),
)

browserTest('a Web Worker ends with its output, and fails with its error, caught or not', () =>
  withPage(PAGE, async ({ page, wrong }) => {
    expect(await run(page, 'sent', 'finish')).toMatchObject({ type: 'normal' })
    const refused = { type: 'error', name: 'PaymentError', message: 'the card was refused' }
    expect(await run(page, 'sent', 'pay')).toEqual(refused)
    expect(await run(page, 'sent', 'throwLater')).toEqual({ ...refused, message: 'refused later' })
    expect(await run(page, 'sent', 'reject')).toEqual({ type: 'error', name: 'RangeError', message: 'rejected' })
    expect(wrong).toEqual([])
  }),
)

browserTest('a module that a browser cannot load is a configuration failure: started once, and parked', () =>
  withPage(PAGE, async ({ page }) => {
    expect(await run(page, 'unloadable')).toEqual({ cause: 'configuration', code: 'CONFIGURATION', incarnation: 1 })
  }),
)
