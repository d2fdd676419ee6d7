// Actions on the page of an observer, in a real browser: only with the second token, each asked before, and refused to
// everything else.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from '@jest/globals'
import { observe, type ObserveOptions, type Observer } from '@terrarium/observe'
import type { TestPool } from '@terrarium/pool/testing'
import type { Browser, Page } from 'playwright-core'
import { eventually, habitat } from '../support/terrarium.ts'
import { browserTest, launch } from './pages.ts'

interface Shown {
  readonly pool: TestPool
  readonly observer: Observer
  readonly browser: Browser
  readonly page: Page
  readonly log: string[]
}

async function withPool(address: 'address' | 'actionsAddress', body: (shown: Shown) => Promise<void>): Promise<void> {
  const home = habitat()
  home.expect(/worker-1 was killed/)
  const log: string[] = []
  const options: ObserveOptions = { page: true, socket: false, actions: true, onAction: (line) => log.push(line) }
  const pool = home.testPool({ name: 'text', size: 1, tools: { one: () => 1 } })
  const observer = await observe(pool, options)
  const browser = await launch()
  try {
    await pool.start()
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.goto(observer[address] ?? '')
    await page.locator('.row', { hasText: 'worker-1' }).click()
    await page.locator('.pill', { hasText: 'ready' }).waitFor()
    await body({ pool, observer, browser, page, log })
  } finally {
    await browser.close()
    await pool.stop()
    await observer.stop()
  }
}

browserTest('a page that may only look has no button for an action', async () => {
  await withPool('address', async ({ page }) => {
    await page.getByRole('button', { name: 'Explain' }).waitFor()
    expect(await page.locator('.deeds').count()).toBe(0)
  })
})

browserTest('an action is asked for twice, by keyboard too, and recorded with the address of the page', async () => {
  await withPool('actionsAddress', async ({ page, pool, observer, log }) => {
    expect(page.url()).not.toMatch(/[#&][ta]=/)
    await page.getByRole('button', { name: 'kill', exact: true }).click()
    await page.getByRole('alertdialog').getByText('gets SIGKILL').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(pool.stats.crashes).toBe(0)
    await page.getByRole('button', { name: 'kill', exact: true }).focus()
    await page.keyboard.press('Enter')
    await page.locator('.danger:focus').waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('kill: done').waitFor()
    await eventually('it was killed, and is ready again', () => pool.stats.crashes === 1 && pool.stats.ready === 1)
    expect(log).toEqual([expect.stringMatching(/^text\/worker-1: kill, asked for by 127\.0\.0\.1:\d+$/)])
    expect(observer.events.filter(({ type }) => type === 'reader.act')).toHaveLength(1)
    await page.locator('.ticks .tick.act').waitFor()
  })
})

/** What a page sends over a WebSocket: the code of the refusal, or what kept it from sending. */
const SEND = `async (socket, token, message) => {
  const connection = new WebSocket(socket, ['terrarium.v1', 'auth.' + token])
  return new Promise((resolve) => {
    connection.onerror = () => resolve('refused')
    connection.onopen = () => connection.send(JSON.stringify(message))
    connection.onmessage = ({ data }) => {
      const told = JSON.parse(data)
      if (told.t === 'error' || told.t === 'answer') resolve(told.message ?? told.t)
    }
  })
}`

browserTest('another page cannot act: not from another origin, and not with the token for looking', async () => {
  const other = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html').end('<title>other</title>')
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  try {
    await withPool('address', async ({ browser, page, pool, observer, log }) => {
      const url = new URL(observer.actionsAddress ?? '')
      const secrets = new URLSearchParams(url.hash.slice(1))
      const [token, actions] = [secrets.get('t') ?? '', secrets.get('a') ?? '']
      const send = (from: Page, given: string): Promise<unknown> => {
        const message = { t: 'act', id: 1, verb: 'kill', actor: 'text/worker-1', token: given }
        return from.evaluate(`(${SEND})(...${JSON.stringify([`ws://${url.host}/ws`, token, message])})`)
      }
      const stranger = await browser.newPage()
      await stranger.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
      expect(await send(stranger, actions)).toBe('refused')
      for (const wrong of [
        '',
        token,
        actions.slice(0, -1),
        `${actions.slice(0, -1)}${actions.endsWith('A') ? 'B' : 'A'}`,
      ])
        expect(await send(page, wrong)).toBe('the token for actions is wrong')
      expect(pool.stats).toMatchObject({ crashes: 0, starts: 1 })
      // At most once a second.
      const told =
        /^kill was refused: 127\.0\.0\.1:\d+ has a wrong token for actions(, \d times since the last report)?$/
      expect(log.length).toBeGreaterThan(0)
      for (const line of log) expect(line).toMatch(told)
      expect(await send(page, actions)).toBe('answer')
    })
  } finally {
    other.close()
  }
})
