// The summary of a benchmark for people.
import type { Figure, Target } from './figure.ts'
import type { Machine } from './machine.ts'

const NOT_MEASURED = 'not measured'
const HEADINGS = ['name', 'value', 'unit', 'against', 'ratio', 'target', 'met']

/** The rows as a table. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(row)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const isNumber = (column: number): boolean => HEADINGS[column] === 'value' || HEADINGS[column] === 'ratio'
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The machine in one line. */
export function formatMachine({ cpu, cores, memory, kernel, node, python }: Machine): string {
  const gigabytes = (memory / 2 ** 30).toFixed(1)
  return `${cpu}, ${cores} cores, ${gigabytes} GiB · ${kernel} · Node ${node} · Python ${python}`
}

function row({ name, value, unit, against, ratio, target, met }: Figure): string[] {
  return [
    name,
    formatNumber(value),
    unit,
    against === null ? '' : `${against.name} ${against.value === null ? NOT_MEASURED : formatNumber(against.value)}`,
    ratio === null ? '' : `× ${formatNumber(ratio)}`,
    target === null ? '' : formatTarget(target),
    met === null ? (target === null ? '' : NOT_MEASURED) : met ? 'yes' : 'NO',
  ]
}

const formatTarget = (target: Target): string =>
  'atLeast' in target ? `≥ ${formatNumber(target.atLeast)}` : `≤ ${formatNumber(target.atMost)}`

/** Three significant digits, and all digits before the point. */
function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 1_000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }
  return value.toLocaleString('en-US', digits)
}
