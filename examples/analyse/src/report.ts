// What the main job prints at its end.
import type { Figures } from './figures.ts'
import type { Unreadable } from './files.ts'
import type { Summary } from './summary.ts'

/** How many failures are printed. */
const FEW = 5

/** The summary as text, the same for the same files. */
export function describeSummary(summary: Summary): string {
  const { files, parsed, failed, lines, functions, classes, deepest, longest, imported, failures } = summary
  return [
    `${count(files, 'file')}: ${number(parsed)} parsed, ${number(failed)} did not`,
    `${count(lines, 'line')}, ${count(functions, 'function')}, ${count(classes, 'class', 'classes')}`,
    ...(deepest === null ? [] : [`deepest nesting: ${deepest.depth}, in ${deepest.path}`]),
    ...section('The longest functions', longest, ({ lines: size, name, path, line }) => [
      count(size, 'line'),
      `${name}  ${path}:${line}`,
    ]),
    ...section('The most imported modules', imported, ({ imports, module, files: importers }) => [
      count(imports, 'time'),
      `${module}, by ${count(importers, 'file')}`,
    ]),
    ...section('Did not parse', failures.slice(0, FEW), ({ path, type, message, line }) => [
      type,
      `${path}${line === null ? '' : `:${line}`}  ${message}`,
    ]),
    ...(failures.length > FEW ? [`  and ${number(failures.length - FEW)} more`] : []),
  ].join('\n')
}

export function describeUnreadable(unreadable: readonly Unreadable[]): string[] {
  if (unreadable.length === 0) return []
  const told = unreadable.slice(0, FEW).map(({ path, reason }) => `  ${path}: ${reason}`)
  return [`Could not be read, and is left out: ${number(unreadable.length)}`, ...told]
}

export function describeFigures({ calls, callsPerSecond, p50Ms, p99Ms, restarts }: Figures): string {
  return `${count(calls, 'call')}, ${number(callsPerSecond)}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${count(restarts, 'restart')}`
}

function section<T>(title: string, rows: readonly T[], row: (value: T) => readonly [string, string]): string[] {
  if (rows.length === 0) return []
  const cells = rows.map(row)
  const width = Math.max(...cells.map(([first]) => first.length))
  return ['', `${title}:`, ...cells.map(([first, second]) => `  ${first.padStart(width)}  ${second}`)]
}

export const number = (value: number): string => value.toLocaleString('en-US')

export const count = (value: number, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`
