// The inspector in browsers: with Vite, with a plain script element, and a Vite application and a program of Node in
// one picture.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { createInspector } from '@terrarium/inspector'
import type { Page } from 'playwright-core'
import { createActor, createMachine } from 'xstate'
import { ROOT } from '../support/command.ts'
import { browserTest, launch, withPage, type Opened } from './pages.ts'

const APP = 'test/browser/inspector-app'

/** The names and states of the rows, in their order. */
const rows = async (page: Page): Promise<string[]> => {
  const [names, values] = await Promise.all(
    ['b', '.value'].map((part) => page.locator(`.row ${part}`).allTextContents()),
  )
  return (names ?? []).map((name, index) => `${name} ${values?.[index] ?? ''}`)
}

/** Opens an address beside the application, and notes what goes wrong there. */
async function beside({ page, wrong }: Opened, address: string): Promise<Page> {
  const other = await page.context().newPage()
  other.on('console', (message) => wrong.push(message.text()))
  other.on('pageerror', (error) => wrong.push(String(error)))
  await other.goto(address)
  return other
}

browserTest('with Vite: the page shows an application of the same browser, also after a reload of it', () =>
  withPage(APP, async (opened) => {
    const { page, wrong } = opened
    const address = await page.evaluate<string>('inspector.address')
    expect(address).toBe(`${new URL(page.url()).origin}/__inspector/#b=terrarium.inspector`)
    const inspector = await beside(opened, address)
    await inspector.locator('.row', { hasText: 'closed' }).waitFor()
    expect(await inspector.locator('.source b').allTextContents()).toEqual(['garden'])
    expect(await inspector.locator('.values').innerText()).toContain('<head>')
    await page.evaluate("actor.send({ type: 'OPEN' })")
    await inspector.locator('.row', { hasText: 'opened' }).waitFor()
    await page.reload()
    await inspector.locator('.row', { hasText: 'closed' }).waitFor()
    expect(await rows(inspector)).toEqual(['gate closed'])
    expect(wrong).toEqual([])
  }),
)

browserTest('with Vite: the page says what to do while no application is open, and when it was closed', () =>
  withPage(APP, async (opened) => {
    const { page, wrong } = opened
    const address = await page.evaluate<string>('inspector.address')
    const application = page.url()
    await page.goto('about:blank')
    const inspector = await beside(opened, address)
    const verdict = (text: string): Promise<void> => inspector.locator('.verdict', { hasText: text }).waitFor()
    await verdict('No application is open. Open it in another tab of this browser.')
    await page.goto(application)
    await verdict('All is well: 1 actor running.')
    await page.goto('about:blank')
    await verdict('The application has ended, or is not reached. This is how it was.')
    expect(wrong).toEqual([])
  }),
)

browserTest('a Vite application and a program of Node are one picture, at the address that Node prints', () =>
  withPage(APP, async (opened) => {
    const { origin } = new URL(opened.page.url())
    const printed: string[] = []
    const node = createInspector({ name: 'server', origins: [origin], print: (line) => printed.push(line) })
    const machine = createMachine({
      id: 'queue',
      initial: 'empty',
      states: { empty: { on: { PUT: 'full' } }, full: {} },
    })
    const actor = createActor(machine, { id: 'queue', inspect: node.inspect }).start()
    try {
      await node.address
      const address = printed
        .map((line) => /^Inspector, with \S+: (\S+)$/.exec(line)?.[1])
        .find((each) => each !== undefined)
      const inspector = await beside(opened, address ?? '')
      await inspector.locator('.row', { hasText: 'empty' }).waitFor()
      await inspector.locator('.row', { hasText: 'closed' }).waitFor()
      expect((await rows(inspector)).sort()).toEqual(['gate closed', 'queue empty'])
      expect((await inspector.locator('.source b').allTextContents()).sort()).toEqual(['garden', 'server'])
      actor.send({ type: 'PUT' })
      await opened.page.evaluate("actor.send({ type: 'OPEN' })")
      await inspector.locator('.row', { hasText: 'full' }).waitFor()
      await inspector.locator('.row', { hasText: 'opened' }).waitFor()
      expect(inspector.url()).toBe(`${origin}/__inspector/`)
      expect(opened.wrong).toEqual([])
    } finally {
      actor.stop()
      await node.close()
    }
  }),
)

browserTest("Stately's receiver in an iframe of a browser reads what the inspector tells its adapter", () =>
  withPage('test/browser/stately-app', async ({ page, wrong }) => {
    const viewer = page.frame({ url: /viewer\.html$/ }) ?? (await page.waitForEvent('framenavigated'))
    const hears = (expression: string) => viewer.waitForFunction(`globalThis.heard?.some(${expression})`)
    await hears("({ type, name }) => type === '@xstate.actor' && name === 'gate'")
    await page.evaluate("actor.send({ type: 'OPEN' })")
    await hears("({ type, event }) => type === '@xstate.event' && event.type === 'OPEN'")
    await hears("({ type, snapshot }) => type === '@xstate.snapshot' && snapshot.value === 'opened'")
    expect(await viewer.evaluate('JSON.stringify(heard)')).not.toContain('open sesame')
    expect(wrong).toEqual([])
  }),
)

const require = createRequire(import.meta.url)
const FILES: Readonly<Record<string, string>> = {
  '/xstate.js': join(require.resolve('xstate'), '..', 'xstate.umd.min.js'),
  '/inspector.js': join(ROOT, 'packages/inspector/dist/inspector.global.js'),
}
const LAMP = `<title>terrace</title>
<script src="/xstate.js"></script>
<script src="/inspector.js"></script>
<script>
  const inspector = TerrariumInspector.createInspector()
  const lamp = XState.createMachine({ id: 'lamp', initial: 'off', states: { off: { on: { FLIP: 'on' } }, on: {} } })
  const actor = XState.createActor(lamp, { id: 'lamp', inspect: inspector.inspect }).start()
</script>`

browserTest('with plain script elements: open() shows the application, and save() downloads a trace', async () => {
  const server = createServer(({ url = '' }, response) => {
    const file = FILES[url]
    response.setHeader('Content-Type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file === undefined ? LAMP : readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await launch()
  try {
    const page = await browser.newPage()
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(String(error)))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate('inspector.open()')])
    await popup.locator('.row', { hasText: 'off' }).waitFor()
    expect(await popup.locator('.source b').allTextContents()).toEqual(['terrace'])
    await page.evaluate("actor.send({ type: 'FLIP' })")
    await popup.locator('.row .value', { hasText: /^on$/ }).waitFor()
    const [download] = await Promise.all([page.waitForEvent('download'), page.evaluate('inspector.save()')])
    expect(download.suggestedFilename()).toBe('trace.html')
    expect(readFileSync(await download.path(), 'utf8')).toContain('"name":"lamp"')
    expect(wrong).toEqual([])
  } finally {
    await browser.close()
    server.close()
  }
})
