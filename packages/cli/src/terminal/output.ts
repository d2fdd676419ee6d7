// What commands write to stdout: JSON, tables that fit the terminal, tab-separated lines for pipes, and colours only
// for a person.
import { isatty } from 'node:tty'
import pc from 'picocolors'
import { table } from './table.ts'

/** Columns of a terminal that does not say how many it has. */
const WIDTH = 80

export const isTerminal = (): boolean => isatty(1)

/** Colours for a terminal, unless NO_COLOR is set. */
export const colours = (): ReturnType<typeof pc.createColors> =>
  pc.createColors(isTerminal() && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb')

/** Writes one JSON object as one line. */
export function writeJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/**
 * Writes rows: for a terminal as columns, each line cut to its width unless `isWide`; for a pipe with tabs, whole.
 */
export function writeRows(rows: readonly (readonly string[])[], isWide: boolean): void {
  if (!isTerminal()) {
    process.stdout.write(rows.map((row) => `${row.map(withoutBreaks).join('\t')}\n`).join(''))
    return
  }
  const columns = process.stdout.columns || WIDTH
  const lines = table(rows.map((row) => row.map(withoutBreaks))).split('\n')
  process.stdout.write(lines.map((line) => (isWide ? line : cut(line, columns))).join('\n'))
}

const withoutBreaks = (cell: string): string => cell.replace(/\s+/g, ' ')

/** At most so many characters, with an ellipsis for what is left out. */
export const cut = (line: string, columns: number): string =>
  line.length > columns ? `${line.slice(0, columns - 1)}…` : line
