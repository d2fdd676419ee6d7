// The tables of docs/values.md, which are made from docs/values.json.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, root } from '../setup/paths.mjs'

const PAGE = 'docs/values.md'
const TABLE = 'docs/values.json'
const [BEGIN, END] = ['<!-- From values.json, by npm run generate. -->', '<!-- The end of what is made. -->']

/**
 * Writes the tables of docs/values.md from docs/values.json.
 *
 * @param {{ check: boolean }} options check: compare, and write nothing
 * @returns {Promise<number>} exit code
 */
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

async function withTables(page, { sent, refused }) {
  const tables = [
    ...sent.map(({ group, rows }) => `### ${group}\n\n${sentTable(rows)}`),
    ...['JavaScript', 'Python'].map(
      (side) => `### Refused in ${side}\n\n${refusedTable(refused.filter((row) => row.in === side))}`,
    ),
  ]
  const [before, rest] = page.split(BEGIN)
  const [, after] = rest.split(END)
  const prettier = await import('prettier')
  const options = await prettier.resolveConfig(join(root, PAGE))
  const text = `${before}${BEGIN}\n\n${tables.join('\n\n')}\n\n${END}${after}`
  return prettier.format(text, { ...options, parser: 'markdown' })
}

const ARROWS = { both: '↔', python: '→', javascript: '←' }

const sentTable = (rows) =>
  table(
    ['JavaScript', '', 'Python', 'on the wire', ''],
    rows.map(({ javascript, to, python, form, note = '' }) => [code(javascript), ARROWS[to], code(python), form, note]),
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
