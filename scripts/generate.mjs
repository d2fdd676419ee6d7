// npm run generate: makes the stubs of proto/ anew, TypeScript for packages/worker by buf and Python for python/ by
// protoc in an environment of its own, and the tables of docs/values.md from docs/values.json. With --check nothing is
// written, and the exit code is 1 when a committed file differs.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun } from './setup/command.mjs'
import { SetUpError } from './setup/failure.mjs'
import { bin, contentOf, filesIn, pythonIn, readJson, root, setupFolder, venvs } from './setup/paths.mjs'
import { setUp } from './setup/set-up.mjs'

const USAGE = `Usage: npm run generate [-- --check]

Writes the stubs of proto/ and the tables of docs/values.md. With --check nothing is written, and the exit code is 1
when a committed file differs.
`

export async function main(argv) {
  if (argv.includes('--help')) return void process.stdout.write(USAGE)
  if (argv.some((argument) => argument !== '--check')) {
    process.stderr.write(USAGE)
    return 2
  }
  const options = { check: argv.includes('--check') }
  return Math.max(await generateStubs(options), await generateValues(options))
}

const TYPESCRIPT = 'packages/worker/src/generated'
const PYTHON = 'python/src'

/** Generates the stubs in a scratch folder, and compares or replaces the committed ones. Returns the exit code. */
async function generateStubs({ check }) {
  const scratch = mkdtempSync(join(setupFolder, 'stubs-'))
  try {
    // buf writes to the paths of buf.gen.yaml, which are relative to proto/, below the scratch folder.
    await mustRun(bin('buf'), ['generate', '-o', join(scratch, 'proto')], { cwd: join(root, 'proto') })
    const hasPython = await generatePython(scratch).catch((error) => {
      if (!check || !(error instanceof SetUpError)) throw error
      process.stdout.write(`The Python stubs are not checked: ${error.message}\n`)
      return false
    })
    const stale = [
      ...differences(scratch, TYPESCRIPT, /./),
      ...(hasPython ? differences(scratch, PYTHON, /_pb2\.pyi?$/) : []),
    ]
    if (check) {
      for (const file of stale) process.stdout.write(`${file} is not what proto/ generates. Run: npm run generate\n`)
      return stale.length === 0 ? 0 : 1
    }
    rmSync(join(root, TYPESCRIPT), { recursive: true, force: true })
    for (const folder of [TYPESCRIPT, PYTHON]) cpSync(join(scratch, folder), join(root, folder), { recursive: true })
    process.stdout.write(
      stale.length === 0 ? 'The stubs were up to date.\n' : stale.map((file) => `Wrote ${file}\n`).join(''),
    )
    return 0
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function generatePython(scratch) {
  await setUp({ need: 'protoc' })
  const out = join(scratch, PYTHON)
  mkdirSync(out, { recursive: true })
  const sources = filesIn(join(root, 'proto')).filter((file) => file.endsWith('.proto'))
  const args = ['-I', '-m', 'grpc_tools.protoc', '-Iproto', `--python_out=${out}`, `--pyi_out=${out}`]
  await mustRun(pythonIn(venvs.protoc), [...args, ...sources.map((file) => join('proto', file))])
  return true
}

/** The files, relative to the root, that are missing, changed or left over in the checkout. */
function differences(scratch, folder, pattern) {
  const [made, committed] = [join(scratch, folder), join(root, folder)]
  return [...new Set([...filesIn(made), ...filesIn(committed)])]
    .filter((file) => pattern.test(file) && contentOf(join(made, file)) !== contentOf(join(committed, file)))
    .map((file) => join(folder, file))
}

const PAGE = 'docs/values.md'
const TABLE = 'docs/values.json'
const [BEGIN, END] = ['<!-- From values.json, by npm run generate. -->', '<!-- The end of what is made. -->']

/** Compares or writes the tables of docs/values.md. Returns the exit code. */
export async function generateValues({ check }) {
  const path = join(root, PAGE)
  const page = readFileSync(path, 'utf8')
  const made = await withTables(page, readJson(join(root, TABLE)))
  if (made === page) return 0
  if (check) {
    process.stdout.write(`${PAGE} is not what ${TABLE} generates. Run: npm run generate\n`)
    return 1
  }
  writeFileSync(path, made)
  process.stdout.write(`Wrote ${PAGE}\n`)
  return 0
}

async function withTables(page, { sent, apart, refused }) {
  const tables = [
    ...sent.map(({ group, rows }) => `### ${group}\n\n${sentTable(rows)}`),
    `### Apart\n\n${apartTable(apart)}`,
    ...['JavaScript', 'Python'].map(
      (side) => `### Refused in ${side}\n\n${refusedTable(refused.filter((row) => row.in === side))}`,
    ),
  ]
  const [before, rest] = page.split(BEGIN)
  const [, after] = rest.split(END)
  const { format } = await import('oxfmt')
  const text = `${before}${BEGIN}\n\n${tables.join('\n\n')}\n\n${END}${after}`
  const { code, errors } = await format(PAGE, text, { semi: false, singleQuote: true, printWidth: 120 })
  if (errors.length > 0) throw new Error(`${PAGE} cannot be formatted: ${JSON.stringify(errors)}`)
  return code
}

const ARROWS = { both: '↔', python: '→', javascript: '←' }

const sentTable = (rows) =>
  table(
    ['JavaScript', '', 'Python', 'on the wire', ''],
    rows.map(({ javascript, to, python, form, note = '' }) => [code(javascript), ARROWS[to], code(python), form, note]),
  )

const apartTable = (rows) =>
  table(
    ['JavaScript', '', 'Python', 'msgpack', 'segments', ''],
    rows.map(({ javascript, to, python, wire, segments, note = '' }) => {
      const shown = segments.map(({ unit, times }) => `${code(unit)} × ${times.toLocaleString('en-US')}`)
      return [code(javascript), ARROWS[to], code(python), code(wire), shown.join('<br>'), note]
    }),
  )

const refusedTable = (rows) =>
  table(
    ['value', 'message', 'what to do'],
    rows.map(({ value, message, hint }) => [code(value), message, hint]),
  )

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')

const escaped = (cell) => cell.replaceAll('|', '\\|')

/** In as many backticks as it takes. */
const code = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``)
