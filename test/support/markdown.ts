// Reads pages of documentation: their tables, and their blocks of code. For tests that compare a page with the code.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './command.ts'

/** A row of a table, its cells by the name of the column. Code marks and links are kept. */
export type Row = Readonly<Record<string, string>>

export interface Block {
  readonly language: string
  readonly code: string
}

/** The text of a page, by its path from the root of the checkout. */
export const page = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The part of a page below a heading, up to the next heading of any level. */
export function section(path: string, heading: string): string {
  const lines = page(path).split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (start === -1) throw new Error(`${path} has no heading ${heading}`)
  let inCode = false
  const end = lines.findIndex((line, index) => {
    if (line.startsWith('```')) inCode = !inCode
    return index > start && !inCode && /^#+ /.test(line)
  })
  return lines.slice(start + 1, end === -1 ? undefined : end).join('\n')
}

/** The rows of the nth table below a heading, counted from 0. */
export function tableRows(path: string, heading: string, index = 0): readonly Row[] {
  const table = section(path, heading).match(/(^\|.*\n)+/gm)?.[index]
  if (table === undefined) throw new Error(`${path} has no table ${index} below ${heading}`)
  const [head = [], , ...rows] = table.trim().split('\n').map(cells)
  return rows.map((row) => Object.fromEntries(head.map((name, column) => [name, row[column] ?? ''])))
}

const cells = (line: string): string[] =>
  line
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))

/** The text of a cell without its code marks. */
export const plain = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '')

/** The blocks of code of a page. */
export const blocks = (path: string): readonly Block[] =>
  [...page(path).matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }))

/** A default as tables write it: `5,000`, `` `equal` ``, `none` for what is not given. */
export function shown(value: unknown): string {
  if (value === undefined) return 'none'
  if (value === Infinity) return 'no limit'
  if (typeof value === 'number') return value.toLocaleString('en-US')
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}
