// npm run picture: takes the pictures of the documentation. Each is of a program that this script runs, whose page it
// opens in Chromium, and of what it selects there.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { root } from '../../scripts/setup/paths.mjs'

const SHOP = join(root, 'packages', 'inspector', 'test', 'fixtures', 'shop.mjs')
const JOB = join(root, 'scripts', 'job.mjs')
const SEEING = join(root, 'test', 'browser', 'seeing.mjs')

/** By the name of the file in docs: the program, and what is done before the picture is taken. Times in ms. */
const PICTURES = {
  inspector: {
    program: [SHOP],
    // The order has been through most of its states by then.
    prepare: async (page) => {
      await select(page, 'order')
      await delay(4_500)
    },
  },
  watch: {
    program: [JOB, 'start', '--watch', '--workers', '4'],
    // A worker was killed half way, and all are ready again.
    prepare: async (page, said) => {
      await said(/^The workers stay/)
      await select(page, 'worker-1')
      await delay(1_500)
    },
  },
  // A worker that is parked, with what repairs it.
  'seeing-parked': {
    program: [SEEING],
    prepare: async (page) => {
      await delay(6_000)
      await page.locator('.cell.parked[title]').first().click()
      await delay(1_500)
    },
  },
  // A supervisor whose child has failed, and what followed from that.
  'seeing-causes': {
    program: [SEEING],
    prepare: async (page) => {
      await delay(6_000)
      await select(page, 'shop')
      await delay(1_500)
    },
  },
}

const NAMES = Object.keys(PICTURES)
const USAGE = `Usage: npm run picture [-- NAME …]

Takes the pictures of these names, by default all, and writes each to docs/NAME.png: ${NAMES.join(', ')}.
It needs Chromium: apt-get install chromium. TERRARIUM_CHROMIUM names another one.
`

/** Selects an actor: in a row, or as a cell. */
const select = (page, name) =>
  page.locator(`.cell[title^="${name}:"], .row:has-text("${name}"):not(.group)`).first().click()

/**
 * @param {readonly string[]} argv names of pictures
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  const unknown = argv.filter((name) => !NAMES.includes(name))
  if (unknown.length > 0) {
    process.stdout.write(USAGE)
    return argv.includes('--help') ? 0 : 2
  }
  const executablePath = process.env.TERRARIUM_CHROMIUM ?? '/usr/bin/chromium'
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  try {
    for (const name of argv.length === 0 ? NAMES : argv) await take(browser, name)
  } finally {
    await browser.close()
  }
  return 0
}

async function take(browser, name) {
  const { program, prepare } = PICTURES[name]
  const path = join(root, 'docs', `${name}.png`)
  const child = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  /** Resolves with the first line that matches. */
  const said = async (pattern) => {
    for (;;) {
      const line = lines.find((each) => pattern.test(each))
      if (line !== undefined) return line
      if (child.exitCode !== null) throw new Error(`${program.join(' ')} has ended: ${lines.join('\n')}`)
      await delay(50)
    }
  }
  try {
    const [address] = /http:\S+/.exec(await said(/http:\S+#t=/))
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' })
    await page.goto(address)
    await prepare(page, said)
    await page.screenshot({ path })
    await page.close()
  } finally {
    // A program ends with its standard input; the main job as Ctrl-C has it.
    child.stdin.end()
    if (program[0] === JOB) child.kill('SIGINT')
    await exited
  }
  process.stdout.write(`${path}\n`)
}
