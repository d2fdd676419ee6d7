// npm run picture: takes the pictures of the documentation. Each is of a program that this script runs, whose page it
// opens in Chromium, and of what it selects there.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
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
      await page.locator('.verdict.bad').click()
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
  // A pool: how long its calls took, their deadlines, and the last minute of the timeline.
  'seeing-calls': {
    program: [SEEING],
    prepare: async (page) => {
      await select(page, 'text')
      await page.getByRole('button', { name: 'Last minute' }).click()
      await page.locator('.deadlines').waitFor()
      await delay(9_000)
    },
  },
  // A worker that was parked by hand, seen with the token for actions.
  'seeing-by-hand': {
    program: [SEEING],
    address: /^actions (http:\S+)/,
    prepare: async (page) => {
      await page.locator('.verdict.warn', { hasText: 'parked by hand' }).click()
      await delay(4_000)
    },
  },
}
/** In pixels. */
const WIDTHS = { 1024: 768, 1440: 900 }
const THEMES = ['light', 'dark']
/** The form that docs has; the others are only looked at. */
const [WIDTH, THEME] = ['1440', 'light']
/** Time in which the page takes another form, in ms. */
const REDRAWN = 1_200

const NAMES = Object.keys(PICTURES)
const USAGE = `Usage: npm run picture [-- NAME … --width N … --theme T …]

Takes the pictures of these names, by default all: ${NAMES.join(', ')}.
  --width N   ${Object.keys(WIDTHS).join(' or ')}; more than once for more; default ${WIDTH}
  --theme T   ${THEMES.join(' or ')}; more than once for both; default ${THEME}
A picture of the default form is written to docs/NAME.png, others to test/dist/pictures/NAME-WIDTH-THEME.png.
It needs Chromium: apt-get install chromium. TERRARIUM_CHROMIUM names another one.
`
const OPTIONS = {
  width: { type: 'string', multiple: true, default: [WIDTH] },
  theme: { type: 'string', multiple: true, default: [THEME] },
  help: { type: 'boolean', default: false },
}

/** Selects an actor: in a row, or as a cell. */
const select = (page, name) =>
  page.locator(`.cell[title^="${name}:"], .row:has-text("${name}"):not(.group)`).first().click()

/** What is wanted; undefined if it is not understood. */
function wanted(args) {
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true })
    const isKnown =
      positionals.every((name) => NAMES.includes(name)) &&
      values.width.every((width) => width in WIDTHS) &&
      values.theme.every((theme) => THEMES.includes(theme))
    if (!isKnown) return undefined
    const forms = values.width.flatMap((width) => values.theme.map((theme) => ({ width, theme })))
    return { help: values.help, names: positionals.length === 0 ? NAMES : positionals, forms }
  } catch {
    return undefined
  }
}

/**
 * @param {readonly string[]} argv names of pictures, and options
 * @returns {Promise<number>} exit code
 */
export async function main(argv) {
  const all = wanted(argv)
  if (all === undefined || all.help) {
    process.stdout.write(USAGE)
    return all === undefined ? 2 : 0
  }
  const executablePath = process.env.TERRARIUM_CHROMIUM ?? '/usr/bin/chromium'
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  try {
    for (const name of all.names) await take(browser, name, all.forms)
  } finally {
    await browser.close()
  }
  return 0
}

const sizeOf = ({ width }) => ({ width: Number(width), height: WIDTHS[width] })

const pathOf = (name, { width, theme }) =>
  width === WIDTH && theme === THEME
    ? join(root, 'docs', `${name}.png`)
    : join(root, 'test', 'dist', 'pictures', `${name}-${width}-${theme}.png`)

async function take(browser, name, forms) {
  const { program, prepare, address: pattern = /(http:\S+#t=\S+)/ } = PICTURES[name]
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
    const [, address] = pattern.exec(await said(pattern))
    const page = await browser.newPage({ viewport: sizeOf(forms[0]), colorScheme: forms[0].theme })
    await page.goto(address)
    await prepare(page, said)
    for (const form of forms) {
      const path = pathOf(name, form)
      await page.setViewportSize(sizeOf(form))
      await page.emulateMedia({ colorScheme: form.theme })
      await delay(REDRAWN)
      await mkdir(dirname(path), { recursive: true })
      await page.screenshot({ path })
      process.stdout.write(`${path}\n`)
    }
    await page.close()
  } finally {
    // A program ends with its standard input; the main job as Ctrl-C has it.
    child.stdin.end()
    if (program[0] === JOB) child.kill('SIGINT')
    await exited
  }
}
