// Applications that others have written, installed from npm: two lines are added, and the page shows their actors,
// statecharts and events. The programs in strangers/ are what stands around their machines.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { ROOT, run } from '../support/command.ts'
import { browserTest, launch } from './pages.ts'

const PACKAGES = {
  '@sanity/comlink': ['4.0.3', 'MIT'],
  '@sanity/mutate': ['0.18.2', 'MIT'],
  '@ledgerhq/device-management-kit': ['1.10.0', 'Apache-2.0'],
  rxjs: ['7.8.2', 'Apache-2.0'],
  xstate: ['5.33.3', 'MIT'],
} as const

const PROGRAMS = join(import.meta.dirname, 'strangers')
let folder = ''

beforeAll(async () => {
  mkdirSync(join(ROOT, 'test', 'dist'), { recursive: true })
  // Below test/ the inspector is found as in a project that uses it.
  folder = mkdtempSync(join(ROOT, 'test', 'dist', 'strangers-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const wanted = Object.entries(PACKAGES).map(([name, [version]]) => `${name}@${version}`)
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted]
  const { code, stderr } = await run('npm', install, { cwd: folder, env: { NODE_OPTIONS: '' } })
  if (code !== 0) throw new Error(stderr)
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

test.each(Object.entries(PACKAGES))('%s may be used in a test', (name, [, licence]) => {
  const manifest = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  expect((JSON.parse(manifest) as { license: string }).license).toBe(licence)
})

test.each(['messages', 'document', 'device'])('two lines are added to %s', (name) => {
  const lines = readFileSync(join(PROGRAMS, `${name}.mjs`), 'utf8').split('\n')
  const added = lines.filter((line) => line.includes('createInspector'))
  expect(added).toEqual([
    "import { createInspector } from '@terrarium/inspector'",
    `const { inspect } = createInspector({ name: '${name}' })`,
  ])
})

/** Runs a program, and opens the page that it names. */
async function withProgram(name: string, body: (page: Page) => Promise<void>): Promise<void> {
  copyFileSync(join(PROGRAMS, `${name}.mjs`), join(folder, `${name}.mjs`))
  const program = spawn(process.execPath, [`${name}.mjs`], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const browser = await launch()
  try {
    const [line] = (await once(createInterface(program.stderr), 'line')) as [string]
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    const wrong: string[] = []
    page.on('pageerror', (error) => wrong.push(String(error)))
    await page.goto(/http:\S+/.exec(line)?.[0] ?? line)
    await body(page)
    expect(wrong).toEqual([])
    expect(program.exitCode).toBeNull()
  } finally {
    await browser.close()
    if (program.exitCode === null) {
      program.kill('SIGKILL')
      await once(program, 'exit')
    }
  }
}

const row = (page: Page, name: string): ReturnType<Page['locator']> =>
  page.locator('.row', { has: page.locator('b', { hasText: new RegExp(`^${name}$`) }) }).first()

/** The names of the states that the statechart shows as active, but for the machine itself. */
const lit = (page: Page): Promise<string[]> => page.locator('.state.on:not(.outer) > text.name').allTextContents()

browserTest('messages between a page and its frame', async () => {
  await withProgram('messages', async (page) => {
    await row(page, 'page').click()
    await page.locator('.state.on', { hasText: 'sending' }).first().waitFor()
    expect(await lit(page)).toEqual(['connected', 'heartbeat', 'sending'])
    for (const name of ['frame', 'send heartbeat', 'listen for messages']) await row(page, name).waitFor()
    await page.locator('.values', { hasText: 'sanity/comlink' }).waitFor()
    await page.locator('.edge', { hasText: 'connect' }).first().waitFor()
    for (const event of ['post', 'request.success', 'message.received'])
      await page.locator('.step', { hasText: event }).first().waitFor()
  })
})

browserTest('a document that is edited, and transactions that fail', async () => {
  await withProgram('document', async (page) => {
    await page.locator('.verdict.bad', { hasText: 'Error: the server is busy' }).waitFor()
    await row(page, 'article').click()
    for (const name of ['editor', 'listener', 'getDocument', 'submitTransactions']) await row(page, name).waitFor()
    expect((await lit(page)).slice(0, 2)).toEqual(['connected', 'loaded'])
    await page.locator('.values', { hasText: 'stagedChanges' }).waitFor()
    await page.locator('.state', { hasText: 'submitFailure' }).first().waitFor()
    for (const event of ['mutate', 'submit', 'rebased'])
      await page.locator('.step', { hasText: event }).first().waitFor()
  })
})

browserTest('a device that opens its application, again and again', async () => {
  await withProgram('device', async (page) => {
    await row(page, 'open-1').click()
    await page.locator('.state', { hasText: 'CloseApplicationResultCheck' }).first().waitFor()
    for (const name of ['deviceStatus', 'waitForAppAndVersion', 'getAppAndVersion', 'openApp', 'open-2'])
      await row(page, name).waitFor()
    await page.locator('.values', { hasText: 'appName: "Bitcoin"' }).waitFor()
    await page.locator('.step', { hasText: 'starts' }).first().waitFor()
  })
})
