// The page of the inspector in a real browser: what it shows of real machines, the keyboard, many actors, a saved
// trace, contrast, and another page that tries to read it.
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from '@jest/globals'
import { createInspector, type Inspector } from '@terrarium/inspector'
import type { Browser, Page } from 'playwright-core'
import { createActor, createMachine, setup, type AnyActor } from 'xstate'
import { browserTest, launch } from './pages.ts'

interface Opened {
  readonly browser: Browser
  readonly page: Page
  readonly inspector: Inspector
  readonly address: string
  /** Requests and WebSockets, in their order. */
  readonly asked: string[]
  /** What the page printed, and errors of it. */
  readonly wrong: string[]
}

async function withInspector(
  start: (inspector: Inspector) => AnyActor[],
  body: (opened: Opened) => Promise<void>,
): Promise<void> {
  const inspector = createInspector({ name: 'shop', print: () => undefined })
  const actors = start(inspector)
  const browser = await launch()
  try {
    const address = await inspector.address
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const [asked, wrong] = [[] as string[], [] as string[]]
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    page.on('websocket', (socket) => asked.push(new URL(socket.url()).pathname))
    page.on('console', (message) => wrong.push(message.text()))
    page.on('pageerror', (error) => wrong.push(String(error)))
    await page.goto(address)
    await body({ browser, page, inspector, address, asked, wrong })
  } finally {
    await browser.close()
    for (const actor of actors) actor.stop()
    await inspector.close()
  }
}

const door = createMachine({
  id: 'door',
  context: { owner: 'Ada', password: 'correct horse' },
  initial: 'closed',
  states: {
    closed: { on: { OPEN: 'opened', LOCK: 'locked' } },
    opened: { on: { CLOSE: 'closed' } },
    locked: { initial: 'once', states: { once: { on: { LOCK: 'twice' } }, twice: {} }, on: { UNLOCK: 'closed' } },
  },
})

const alarm = setup({
  actions: {
    ring: () => {
      throw new TypeError('the bell is missing')
    },
  },
}).createMachine({ id: 'alarm', on: { RING: { actions: 'ring' } } })

const home = setup({ actors: { door, alarm } }).createMachine({
  id: 'home',
  invoke: [
    { src: 'door', id: 'door' },
    { src: 'alarm', id: 'alarm', onError: {} },
  ],
})

function startHome(inspector: Inspector): [AnyActor] {
  return [createActor(home, { id: 'home', inspect: inspector.inspect }).start()]
}

const childOf = (root: AnyActor | undefined, name: string): AnyActor =>
  (root?.getSnapshot() as { children: Record<string, AnyActor> }).children[name] as AnyActor

const row = (page: Page, name: string): ReturnType<Page['locator']> =>
  page.locator('.row', { has: page.locator('b', { hasText: new RegExp(`^${name}$`) }) })

/** The names of the states that the statechart shows as active, but for the machine itself. */
const lit = (page: Page): Promise<string[]> => page.locator('.state.on:not(.outer) > text.name').allTextContents()

browserTest('the tree, the statechart and the context show the actors, with one request and no error', async () => {
  let root: AnyActor | undefined
  await withInspector(
    (inspector) => {
      const [actor] = startHome(inspector)
      root = actor
      return [actor]
    },
    async ({ page, asked, wrong }) => {
      await row(page, 'door').click()
      await page.locator('.values', { hasText: 'Ada' }).waitFor()
      expect(await page.locator('.values').innerText()).toMatch(/owner: "Ada"\s*password: redacted/)
      expect(await page.locator('.verdict').innerText()).toBe('All is well: 3 actors running.')
      expect(await lit(page)).toEqual(['closed'])
      childOf(root, 'door').send({ type: 'LOCK' })
      childOf(root, 'door').send({ type: 'LOCK' })
      await page.locator('.row .value', { hasText: 'locked.twice' }).waitFor()
      expect(await lit(page)).toEqual(['locked', 'twice'])
      await page.locator('.edge.lit', { hasText: 'LOCK' }).waitFor()
      await page.locator('.step', { hasText: 'LOCK' }).first().waitFor()
      childOf(root, 'alarm').send({ type: 'RING' })
      await page.locator('.verdict.bad', { hasText: 'alarm failed: TypeError: the bell is missing' }).click()
      await page.locator('.failure', { hasText: 'The last event that it received was RING.' }).waitFor()
      expect(asked).toEqual(['/', '/ws'])
      expect(wrong).toEqual([])
      expect(page.url()).not.toContain('#t=')
    },
  )
})

browserTest('the states of the snapshot are lit, at 100 moments', async () => {
  let root: AnyActor | undefined
  await withInspector(
    (inspector) => {
      const [actor] = startHome(inspector)
      root = actor
      return [actor]
    },
    async ({ page }) => {
      await row(page, 'door').click()
      const actor = childOf(root, 'door')
      const events = [
        'OPEN',
        'CLOSE',
        'LOCK',
        'LOCK',
        'UNLOCK',
        'OPEN',
        'LOCK',
        'CLOSE',
        'LOCK',
        'UNLOCK',
        'OPEN',
        'CLOSE',
      ]
      for (let i = 0; i < 100; i += 1) {
        actor.send({ type: events[(i * 5) % events.length] ?? '' })
        const { value } = actor.getSnapshot() as { value: string | Record<string, string> }
        const expected = typeof value === 'string' ? [value] : Object.entries(value).flat()
        while ((await lit(page)).join() !== expected.join()) await page.waitForTimeout(20)
      }
    },
  )
})

browserTest('the keyboard filters, moves, pauses, and goes on', async () => {
  let root: AnyActor | undefined
  await withInspector(
    (inspector) => {
      const [actor] = startHome(inspector)
      root = actor
      return [actor]
    },
    async ({ page }) => {
      await row(page, 'door').waitFor()
      const selected = (): Promise<string> => page.locator('.detail h2').innerText()
      await page.keyboard.press('ArrowDown')
      expect(await selected()).toMatch(/door/)
      await page.keyboard.press('ArrowDown')
      expect(await selected()).toMatch(/alarm/)
      await page.keyboard.press('Home')
      expect(await selected()).toMatch(/home/)
      await page.keyboard.press('/')
      await page.keyboard.type('doo')
      await page.locator('.row').nth(1).waitFor({ state: 'detached' })
      expect(await page.locator('.row b').allTextContents()).toEqual(['door'])
      await page.keyboard.press('Enter')
      expect(await selected()).toMatch(/door/)
      await page.keyboard.press(' ')
      await page.locator('.link-state.paused').waitFor()
      childOf(root, 'door').send({ type: 'OPEN' })
      await page.waitForTimeout(400)
      expect(await page.locator('.row .value').innerText()).toBe('closed')
      await page.keyboard.press(' ')
      await page.locator('.row .value', { hasText: 'opened' }).waitFor()
    },
  )
})

const visitor = createMachine({
  id: 'visitor',
  initial: 'looking',
  states: { looking: { on: { READ: 'reading' } }, reading: { on: { READ: 'looking' } } },
})

browserTest('1,000 actors are cells, without a horizontal scroll bar at 1024 px', async () => {
  await withInspector(
    ({ inspect }) =>
      Array.from({ length: 1_000 }, (_, i) => createActor(visitor, { id: `visitor-${i}`, inspect }).start()),
    async ({ page, address }) => {
      await page.setViewportSize({ width: 1024, height: 768 })
      await page.goto('about:blank')
      await page.goto(address)
      await page.locator('.cell').nth(999).waitFor({ state: 'attached' })
      expect(await page.locator('.row').count()).toBe(1)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1024)
    },
  )
})

browserTest('a saved trace opens from a file, offline, with events and snapshots', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'terrarium-trace-'))
  try {
    await withInspector(startHome, async ({ browser, page, inspector }) => {
      await row(page, 'door').click()
      await page.locator('.values', { hasText: 'Ada' }).waitFor()
      const path = await inspector.save(join(folder, 'trace.html'))
      const context = await browser.newContext({ offline: true })
      const trace = await context.newPage()
      const wrong: string[] = []
      trace.on('console', (message) => wrong.push(message.text()))
      trace.on('pageerror', (error) => wrong.push(String(error)))
      await trace.goto(pathToFileURL(path).href)
      await row(trace, 'door').click()
      expect(await trace.locator('.values').innerText()).toContain('Ada')
      expect(await lit(trace)).toEqual(['closed'])
      await trace.locator('.step', { hasText: 'starts' }).first().waitFor()
      expect(await trace.locator('.link-state').innerText()).toBe('a saved trace')
      expect(wrong).toEqual([])
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

browserTest('when the application is gone the page says so, and keeps its picture', async () => {
  await withInspector(startHome, async ({ page, inspector }) => {
    await row(page, 'door').waitFor()
    await inspector.close()
    await page.locator('.link-state.lost').waitFor()
    expect(await row(page, 'door').count()).toBe(1)
  })
})

/** What a page of another site would try, in its own browser. */
const TRY = `async (origin, socket, token) => {
  const fetched = await fetch(origin).then(() => 'read', () => 'refused')
  const opened = await new Promise((resolve) => {
    const connection = new WebSocket(socket, ['terrarium.v1', 'auth.' + token])
    connection.onopen = () => resolve('opened')
    connection.onerror = () => resolve('refused')
  })
  const frame = document.createElement('iframe')
  frame.src = origin
  document.body.append(frame)
  await new Promise((resolve) => (frame.onload = resolve))
  let framed = 'refused'
  try {
    framed = frame.contentWindow.document.title
  } catch {}
  return { fetched, opened, framed }
}`

browserTest('a page of another origin can neither read it nor connect, with the token neither', async () => {
  const other = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html').end('<title>other</title>')
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  try {
    await withInspector(startHome, async ({ browser, address }) => {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
      const url = new URL(address)
      const token = new URLSearchParams(url.hash.slice(1)).get('t') ?? ''
      const tried = await page.evaluate(
        `(${TRY})(...${JSON.stringify([`${url.origin}/`, `ws://${url.host}/ws`, token])})`,
      )
      expect(tried).toEqual({ fetched: 'refused', opened: 'refused', framed: 'refused' })
    })
  } finally {
    other.close()
  }
})

/** As WCAG counts it. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = (/^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour)?.slice(1) ?? []).map((part) => {
      const value = Number(part) / 255
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

/** The colours of the page by name, as the browser shows them: `rgb(r, g, b)`. */
const COLOURS = `Object.fromEntries(
  'ground panel text quiet selected hover active active-soft done bad bad-soft warn warn-soft parked parked-soft stopped edge key'.split(' ').map((name) => {
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = 'var(--' + name + ')'
    const { color } = getComputedStyle(probe)
    probe.remove()
    return [name, color]
  }),
)`

browserTest('contrast is at least 4.5 for text and 3 for shapes, in both themes', async () => {
  await withInspector(startHome, async ({ page }) => {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme })
      const colours = await page.evaluate<Record<string, string>>(COLOURS)
      const least = (fronts: string[], backs: string[]): number =>
        Math.min(...fronts.flatMap((front) => backs.map((back) => contrast(colours[front] ?? '', colours[back] ?? ''))))
      expect(
        least(['text', 'quiet', 'active', 'done', 'bad', 'warn', 'parked', 'key'], ['panel', 'ground']),
      ).toBeGreaterThanOrEqual(4.5)
      expect(least(['text', 'quiet', 'active', 'bad', 'warn', 'parked'], ['selected', 'hover'])).toBeGreaterThanOrEqual(
        4.5,
      )
      expect(least(['active'], ['active-soft'])).toBeGreaterThanOrEqual(4.5)
      expect(least(['bad', 'text'], ['bad-soft'])).toBeGreaterThanOrEqual(4.5)
      expect(least(['text', 'quiet', 'warn'], ['warn-soft'])).toBeGreaterThanOrEqual(4.5)
      expect(least(['text', 'quiet', 'parked'], ['parked-soft'])).toBeGreaterThanOrEqual(4.5)
      expect(least(['active', 'done', 'bad', 'stopped', 'edge'], ['panel', 'ground'])).toBeGreaterThanOrEqual(3)
    }
  })
})
