// npm run picture: takes the picture of docs/inspector.md. It runs the shop of the inspector's tests, opens its page in
// Chromium, and selects the order.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'
import { root } from '../../scripts/setup/paths.mjs'

const SHOP = join(root, 'packages', 'inspector', 'test', 'fixtures', 'shop.mjs')
const PICTURE = join(root, 'docs', 'inspector.png')
const USAGE = `Usage: npm run picture [-- FILE]

Writes the picture of docs/inspector.md to FILE. It needs Chromium: apt-get install chromium.
Default: docs/inspector.png.
`
/** In ms, until the order has been through most of its states. */
const WHILE = 4_500

/**
 * @param {readonly string[]} argv the file to write
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  const [path = PICTURE] = argv
  const shop = spawn(process.execPath, [SHOP], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [line] = await once(createInterface(shop.stdout), 'line')
    const executablePath = process.env.TERRARIUM_CHROMIUM ?? '/usr/bin/chromium'
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
    try {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
      await page.goto(/http:\S+/.exec(line)[0])
      await page.locator('.row', { hasText: 'order' }).first().click()
      await page.waitForTimeout(WHILE)
      await page.screenshot({ path })
    } finally {
      await browser.close()
    }
  } finally {
    shop.stdin.end()
    await once(shop, 'exit')
  }
  process.stdout.write(`${path}\n`)
  return 0
}
