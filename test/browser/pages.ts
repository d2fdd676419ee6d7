// Pages in a real browser: a folder that Vite serves, Chromium, and what a page prints. Nothing leaves this machine.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium, type Browser, type Page } from 'playwright-core'
import { ROOT } from '../support/command.ts'
import { testUnless } from '../support/when.ts'
import { COMMAND, VARIABLE } from './set-up.mjs'

/** What is not copied: the server needs no types, and what they extend is not beside a copy. */
const LEFT_OUT = /\/(node_modules|dist|tsconfig\.json)$/

const executablePath = process.env[VARIABLE] ?? ''

/** A test in a browser. */
export const browserTest = testUnless(executablePath === '' ? `there is no Chromium; run: ${COMMAND}` : undefined)

export interface Opened {
  readonly page: Page
  /** A copy of the folder, for tests that edit it. */
  readonly folder: string
  /** What the page prints. */
  readonly printed: string[]
  /** Requests to other machines, and errors that no code of the page has caught. */
  readonly wrong: string[]
}

/** Chromium, without a window. */
export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Serves a copy of the folder (from the root of the checkout), and opens it. */
export async function withPage(source: string, body: (opened: Opened) => Promise<void>): Promise<void> {
  mkdirSync(join(ROOT, 'test', 'dist'), { recursive: true })
  // Below test/ packages are found as in a project that uses them.
  const folder = mkdtempSync(join(ROOT, 'test', 'dist', 'page-'))
  let server: ChildProcess | undefined
  let browser: Browser | undefined
  try {
    cpSync(join(ROOT, source), folder, { recursive: true, filter: (path) => !LEFT_OUT.test(path) })
    server = spawn(process.execPath, [join(ROOT, 'test/browser/serve.mjs'), folder, join(folder, '.vite')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const address = await firstLine(server)
    browser = await launch()
    const context = await browser.newContext()
    const page = await context.newPage()
    const printed: string[] = []
    const wrong: string[] = []
    page.on('console', (message) => printed.push(message.text()))
    page.on('pageerror', (error) => wrong.push(String(error)))
    page.on('request', (request) => {
      if (!/^(data:|blob:|https?:\/\/127\.0\.0\.1:)/.test(request.url())) wrong.push(`request to ${request.url()}`)
    })
    await page.goto(address)
    await body({ page, folder, printed, wrong })
  } finally {
    await browser?.close()
    if (server !== undefined && server.exitCode === null) {
      server.stdin?.end()
      await once(server, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the server has no output')
  const [line] = (await once(createInterface(stdout), 'line')) as [string]
  return line
}
