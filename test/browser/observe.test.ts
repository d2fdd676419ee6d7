// The page of an observer in a real browser: what it shows of pools and supervisors, which command repairs a worker,
// the statechart of a process, questions, and the system.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { observe, type ObserveOptions, type Observer } from '@terrarium/observe'
import { createPool, type Pool, type PoolSnapshot } from '@terrarium/pool'
import { createSupervisor, type Supervisor, type SupervisorSnapshot } from '@terrarium/supervisor'
import { TerrariumError } from '@terrarium/supervisor/base'
import type { Browser, Page } from 'playwright-core'
import { fromCallback } from 'xstate'
import { eventually, habitat, testPython, TOOLS } from '../support/terrarium.ts'
import { browserTest, launch } from './pages.ts'

interface Shown {
  readonly observer: Observer
  readonly page: Page
  readonly browser: Browser
  /** Requests and WebSockets, in their order. */
  readonly asked: string[]
  /** What the page printed, and errors of it. */
  readonly wrong: string[]
}

/** Opens the page of an observer, and stops all at the end. It asks for its document and its WebSocket only. */
async function shown(
  observed: Pool | Supervisor,
  body: (shown: Shown) => Promise<void>,
  options: ObserveOptions = {},
): Promise<void> {
  const observer = await observe(observed, { page: true, socket: false, name: 'shop', ...options })
  const browser = await launch()
  try {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    const page = await context.newPage()
    const [asked, wrong] = [[] as string[], [] as string[]]
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    page.on('websocket', (socket) => asked.push(new URL(socket.url()).pathname))
    page.on('console', (message) => wrong.push(message.text()))
    page.on('pageerror', (error) => wrong.push(String(error)))
    await page.goto(observer.actionsAddress ?? observer.address ?? '')
    await body({ observer, page, browser, asked, wrong })
    expect(asked).toEqual(['/', '/ws'])
    expect(wrong).toEqual([])
  } finally {
    await browser.close()
    await observed.stop()
    await observer.stop()
  }
}

const row = (page: Page, name: string): ReturnType<Page['locator']> =>
  page.locator('.row', { has: page.locator('b', { hasText: new RegExp(`^${name}$`) }) })

const fragile = fromCallback(({ receive }) => {
  receive(() => {
    throw new Error('the disk is full')
  })
})

const shop = (intensity = 5) =>
  createSupervisor({
    id: 'shop',
    strategy: 'rest_for_one',
    intensity,
    period: 60_000,
    backoff: 'off',
    onFault: () => undefined,
    children: ['db', 'api', 'web'].map((id) => ({ id, logic: fragile })),
  })

browserTest('the page shows the workers of a pool, and a parked worker as failed, until it is ready', async () => {
  const home = habitat()
  const pool = home.testPool({ name: 'text', size: 2, tools: { one: () => 1 } })
  await shown(pool, async ({ page }) => {
    await pool.start()
    await page.getByText('worker-2').first().waitFor()
    home.expect(/cv2/)
    const error = new TerrariumError('CONFIGURATION', 'No module named cv2', { hint: 'Install cv2.' })
    pool.faults.failStarts('worker-2', { error, times: 1_000 })
    pool.faults.crash('worker-2')
    await page
      .getByText(/No module named cv2/)
      .first()
      .waitFor()
    pool.faults.heal()
    await eventually('both are ready', () => pool.stats.ready === 2)
    await page
      .getByText(/No module named cv2/)
      .first()
      .waitFor({ state: 'detached' })
  })
})

browserTest('a missing module: verdict, one click to the command, Copy by keyboard, and it heals', async () => {
  const home = habitat()
  home.expectedErrors.push(/nowhere_to_be_found/)
  const source = 'import nowhere_to_be_found\nfrom terrarium import tool\n@tool\ndef f(): return 1\n'
  const tools = home.file('tools.py', source)
  const pool = createPool({ ...home.common, name: 'ocr', tools, env: { PYTHONPATH: home.directory } })
  await shown(pool, async ({ page }) => {
    await pool.start().catch(() => undefined)
    const verdict = page.locator('.verdict.bad', { hasText: 'nowhere_to_be_found' })
    await verdict.waitFor()
    expect(await verdict.innerText()).toContain("no module named 'nowhere_to_be_found'")
    await verdict.click()
    const diagnosis = page.locator('.diagnosis')
    expect(await diagnosis.locator('.facts').innerText()).toContain(testPython())
    const command = await diagnosis.locator('.command').innerText()
    expect(command).toContain('nowhere_to_be_found')
    await diagnosis.getByRole('button', { name: 'Copy', exact: true }).focus()
    await page.keyboard.press('Enter')
    await diagnosis.locator('[aria-live]', { hasText: 'Copied' }).first().waitFor({ state: 'attached' })
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(command)
    await diagnosis.getByRole('button', { name: 'Copy report' }).click()
    await diagnosis.getByRole('button', { name: 'Copied' }).nth(1).waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(
      /^## ocr\/worker-1: CONFIGURATION[^]*Repaired by:[^]*parked: CONFIGURATION/,
    )
    writeFileSync(join(home.directory, 'nowhere_to_be_found.py'), '')
    await verdict.waitFor({ state: 'detached' })
    await diagnosis.waitFor({ state: 'detached' })
    await page.locator('.verdict.good', { hasText: 'All workers are ready: 1 of 1.' }).waitFor()
  })
})

browserTest('kill -9 of a worker: its cell, one crash in the timeline, the signal, and the next life', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, size: 4, output: 'ignore' })
  await shown(pool, async ({ page, observer }) => {
    await pool.start()
    const cell = page.locator('.cell[role=treeitem]').nth(1)
    await cell.click()
    await page.locator('.pill', { hasText: 'ready' }).waitFor()
    const pid = pool.workers[1]?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await page.locator('.cell[role=treeitem]:not(.active)').waitFor({ state: 'attached' })
    await page.locator('.part li', { hasText: /worker-2 failed; .*SIGKILL/ }).waitFor()
    await page.locator('.part li', { hasText: 'worker-2 is ready again' }).waitFor()
    const died = observer.events.find(({ type }) => type === 'worker.exit')
    expect(died?.text).toContain('signal SIGKILL')
    expect(await page.locator('.ticks .tick.crash').count()).toBe(1)
    const facts = await page.locator('.detail .facts').first().innerText()
    expect(facts).toMatch(/life\s*2\s*crashes\s*1\s*wanted restarts\s*0/)
    expect(facts).not.toContain(String(pid))
    await page.locator('.cell[role=treeitem].active').nth(3).waitFor()
  })
})

browserTest('the statechart of a worker is lit where its machine is, with the times of its states', async () => {
  const home = habitat()
  const pool = home.testPool({ name: 'text', size: 1, tools: { one: () => 1 }, boot: ({ sleep }) => sleep(150) })
  home.expect(/worker-1/)
  const stateOf = (): string => {
    const { children, workers } = pool.actor.getSnapshot() as PoolSnapshot
    const { ref } = (children.workers?.getSnapshot() as SupervisorSnapshot).child('worker-1') ?? {}
    const { status, value } = (ref?.getSnapshot() ?? {}) as { status?: string; value?: unknown }
    if (status !== 'active') return workers[0]?.state ?? ''
    return typeof value === 'string' ? value : (Object.keys(value as object)[0] ?? '')
  }
  await shown(pool, async ({ page }) => {
    await pool.start()
    await row(page, 'worker-1').click()
    await page.locator('.state.on.atomic > text.name').waitFor()
    const seen = new Set<string>()
    for (let moment = 0; moment < 100; moment += 1) {
      if (moment % 25 === 3) {
        await eventually('it is ready', () => pool.stats.ready === 1)
        pool.faults.crash('worker-1')
      }
      while ((await page.locator('.state.on.atomic > text.name').textContent()) !== stateOf())
        await page.waitForTimeout(10)
      seen.add(stateOf())
      await page.waitForTimeout((moment * 7) % 40)
    }
    expect([...seen]).toEqual(expect.arrayContaining(['active', 'backing_off', 'awaitingReady']))
    await eventually('it is ready', () => pool.stats.ready === 1)
    await page.locator('.state.on.atomic', { hasText: /^activefor/ }).waitFor()
    for (const name of ['spawning', 'awaitingReady', 'backing_off']) {
      const state = page.locator('.state.atomic', {
        has: page.locator('text.name', { hasText: new RegExp(`^${name}$`) }),
      })
      expect(await state.locator('text.time').textContent()).toMatch(/^was \d+(\.\d)? m?s$/)
    }
  })
})

browserTest('a supervisor shows strategy and budget, causes, and answers questions', async () => {
  const app = shop(2)
  await app.start()
  await shown(app, async ({ page }) => {
    await row(page, 'shop').click()
    expect(await row(page, 'shop').innerText()).toContain('rest_for_one')
    await page.locator('.budget', { hasText: 'No restart counts now.' }).waitFor()
    app.child('db')?.send({ type: 'write' })
    await page.locator('.budget', { hasText: '1 of 2 restarts is used' }).waitFor()
    app.child('db')?.send({ type: 'write' })
    const last = /One more restart within \d+ s and shop gives up and stops all of its children\./
    await page.locator('.budget', { hasText: last }).waitFor()
    await row(page, 'shop').locator('.bars.full').waitFor()
    await page.locator('.part li', { hasText: 'api and web were restarted because db failed' }).first().waitFor()
    await row(page, 'api').click()
    await page
      .locator('.part li', { hasText: /because db failed; db is ready again\. Why: the disk is full/ })
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.locator('.answer', { hasText: app.explain('api').sentence.slice(0, 20) }).waitFor()
    await row(page, 'db').click()
    await page.locator('.answer:empty').waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Ask' }).click()
    await page.locator('.answer', { hasText: 'The supervisor would give up' }).waitFor()
    expect(app.children.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
    await page.getByRole('button', { name: 'List' }).click()
    await page.locator('.event.caused', { hasText: 'life 2 begins, because db failed' }).first().waitFor()
    expect(page.url()).toMatch(/#\/shop\/db$/)
  })
})

browserTest('the address of a selection opens it again, and the system has a page of its own', async () => {
  const home = habitat()
  const pool = createPool({ ...home.common, name: 'text', tools: TOOLS, output: 'ignore' })
  await pool.start()
  await shown(pool, async ({ page, asked }) => {
    await row(page, 'worker-1').click()
    await page.reload()
    await page.locator('.detail h2', { hasText: 'worker-1' }).waitFor()
    asked.splice(0, 2)
    await page.getByRole('button', { name: 'System' }).click()
    const system = page.locator('main.system')
    await system.getByText(testPython()).first().waitFor()
    for (const text of [process.version, 'containment', 'installation']) await system.getByText(text).first().waitFor()
    await system.locator('tr.alive', { hasText: String(pool.workers[0]?.pid) }).waitFor()
    await page.setViewportSize({ width: 1024, height: 768 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1024)
  })
})

browserTest('1,000 children are cells, of which one can be chosen by keyboard, at 1024 px', async () => {
  const logic = fromCallback(() => undefined)
  const children = Array.from({ length: 1_000 }, (_, index) => ({ id: `job-${index}`, logic }))
  const app = createSupervisor({ id: 'jobs', children })
  await app.start()
  await shown(app, async ({ page }) => {
    await page.setViewportSize({ width: 1024, height: 768 })
    await page.locator('.cell[role=treeitem]').nth(999).waitFor({ state: 'attached' })
    await page.keyboard.press('End')
    await page.locator('.detail h2', { hasText: 'job-999' }).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1024)
  })
})

/** The cells in their order, each with its look, and how many elements the page has. */
const drawn = (page: Page): Promise<{ cells: string[]; elements: number }> =>
  page.evaluate(`({
    cells: [...document.querySelectorAll('.cell[role=treeitem]')].map((cell) => cell.className.replace(' on', '')),
    elements: document.querySelectorAll('*').length,
  })`)

browserTest(
  'criterion 3: 1,000 actors, 6,000 changes: no gap, no growth, and the picture of a fresh page',
  async () => {
    const logic = fromCallback(() => undefined)
    const children = Array.from({ length: 1_000 }, (_, index) => ({ id: `job-${index}`, logic }))
    const app = createSupervisor({ id: 'jobs', children })
    await app.start()
    await shown(app, async ({ page, browser, observer, asked }) => {
      const said: string[] = []
      page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => said.push(String(payload))))
      asked.splice(0, 2)
      await page.reload()
      await page.locator('.cell[role=treeitem]').nth(999).waitFor({ state: 'attached' })
      const before = await drawn(page)
      expect(before.elements).toBeLessThan(2_500)
      for (let round = 0; round < 3; round += 1) {
        // Two events for each child of each round: it is parked, and started again.
        for (let first = 0; first < 1_000; first += 250) {
          const some = Array.from({ length: 250 }, (_, index) => `job-${first + index}`)
          await Promise.all(some.map((id) => app.park(id)))
          if (round < 2) await Promise.all(some.map((id) => app.unpark(id)))
        }
      }
      for (let index = 0; index < 1_000; index += 2) await app.unpark(`job-${index}`)
      const fresh = await (await browser.newContext()).newPage()
      await fresh.setViewportSize({ width: 1440, height: 900 })
      await fresh.goto(observer.address ?? '')
      await fresh.locator('.cell[role=treeitem].parked').nth(499).waitFor({ state: 'attached' })
      await page.locator('.cell[role=treeitem].active').nth(499).waitFor({ state: 'attached' })
      await eventually('both pages are the same', async () => {
        const [one, other] = await Promise.all([drawn(page), drawn(fresh)])
        return JSON.stringify(one.cells) === JSON.stringify(other.cells)
      })
      // A page that has missed a message asks for the whole picture.
      expect(said.filter((text) => text.includes('"since"'))).toEqual([])
      expect((await drawn(page)).elements).toBeLessThan(before.elements + 700)
      for (const each of await Promise.all([drawn(page), drawn(fresh)])) expect(each.cells).toHaveLength(1_000)
    })
  },
)

browserTest('the calls of a pool: a histogram for each tool, deadlines, and the zoom of the timeline', async () => {
  const home = habitat()
  const open: (() => void)[] = []
  const hold = (): Promise<void> => new Promise((resolve) => open.push(resolve))
  const pool = home.testPool({ name: 'text', size: 1, concurrency: 2, tools: { one: () => 1, hold } })
  await pool.start()
  await shown(pool, async ({ page, asked }) => {
    await row(page, 'text').click()
    await page.locator('.detail h2', { hasText: 'text' }).waitFor()
    const told: string[] = []
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))))
    asked.splice(0, 2)
    await page.reload()
    // The minute begins with the first look.
    await eventually('the page watches the pool', () => told.some((text) => text.includes('"t":"detail"')))
    for (let n = 0; n < 20; n += 1) await pool.call('one')
    const line = page.locator('.latency .line', { hasText: 'one' })
    await line.locator('.text', { hasText: /^20 calls, half below [\d.]+ m?s, 99 % below [\d.]+ m?s$/ }).waitFor()
    expect(await line.locator('.bars i').count()).toBeGreaterThan(0)
    const held = pool.call('hold', {}, { timeout: 60_000 })
    await page
      .locator('.deadlines', { hasText: /^1 call in flight has a deadline; the next one passes in \d+ s/ })
      .waitFor()
    open[0]?.()
    await held
    await page.locator('.deadlines').waitFor({ state: 'detached' })
    const axis = page.locator('.track.axis')
    await axis.getByText('5 min ago').waitFor()
    const ticks = await page.locator('.track .ticks').first().boundingBox()
    const { x = 0, y = 0, width = 0, height = 0 } = ticks ?? {}
    await page.mouse.move(x + width * 0.9, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width, y + height / 2, { steps: 4 })
    await page.mouse.up()
    await axis.getByText(/^3\d s ago$/).waitFor()
    await page.locator('.tick.ready').first().waitFor()
    await page.locator('.timeline').press('Escape')
    await axis.getByText('5 min ago').waitFor()
    await page.getByRole('button', { name: 'Last minute' }).click()
    await axis.getByText('1 min ago').waitFor()
    await page.getByRole('button', { name: 'Five minutes' }).click()
    await axis.getByText('5 min ago').waitFor()
  })
})
