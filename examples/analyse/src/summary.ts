// The summary of all files: sums of what the calls returned.
import { createHash } from 'node:crypto'
import type { Entry, Failed, FunctionSize, Parsed } from './results.ts'

/** How many functions and modules are listed. */
const TOP = 10

/** What is known about the tree: a function of its files alone. */
export interface Summary {
  readonly files: number
  readonly parsed: number
  readonly failed: number
  readonly lines: number
  readonly functions: number
  readonly classes: number
  readonly deepest: { readonly path: string; readonly depth: number } | null
  readonly longest: readonly (FunctionSize & { readonly path: string })[]
  readonly imported: readonly { readonly module: string; readonly imports: number; readonly files: number }[]
  readonly failures: readonly ({ readonly path: string } & Failed['error'])[]
  /** Every file and what it contains, in the order of their paths' bytes. */
  readonly entries: readonly Entry[]
}

/** The order of the entries does not matter: ties are broken by path, line and name. */
export function summarise(unordered: readonly Entry[]): Summary {
  const entries = [...unordered].sort((a, b) => byBytes(a.path, b.path))
  const parsed = entries.flatMap(({ path, result }) => ('error' in result ? [] : [{ path, ...result }]))
  const failures = entries.flatMap(({ path, result }) => ('error' in result ? [{ path, ...result.error }] : []))
  const deepest = parsed.reduce<(typeof parsed)[number] | undefined>(
    (most, file) => (most === undefined || file.deepest > most.deepest ? file : most),
    undefined,
  )
  return {
    files: entries.length,
    parsed: parsed.length,
    failed: failures.length,
    lines: total(parsed, 'lines'),
    functions: total(parsed, 'functions'),
    classes: total(parsed, 'classes'),
    deepest: deepest === undefined ? null : { path: deepest.path, depth: deepest.deepest },
    longest: parsed
      .flatMap(({ path, longest }) => longest.map((one) => ({ path, ...one })))
      .sort((a, b) => b.lines - a.lines || byBytes(a.path, b.path) || a.line - b.line || byBytes(a.name, b.name))
      .slice(0, TOP),
    imported: mostImported(parsed),
    failures,
    entries,
  }
}

/** SHA-256 of the canonical JSON of the summary, in hexadecimal. */
export function digest(summary: Summary): string {
  return createHash('sha256').update(canonicalJson(summary)).digest('hex')
}

/** JSON without white space and with sorted keys: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}

function mostImported(parsed: readonly Parsed[]): Summary['imported'] {
  const modules = new Map<string, { module: string; imports: number; files: number }>()
  for (const { imports } of parsed) {
    for (const [module, count] of Object.entries(imports)) {
      const sum = modules.get(module) ?? { module, imports: 0, files: 0 }
      sum.imports += count
      sum.files += 1
      modules.set(module, sum)
    }
  }
  return [...modules.values()].sort((a, b) => b.imports - a.imports || byBytes(a.module, b.module)).slice(0, TOP)
}

const total = (parsed: readonly Parsed[], what: 'lines' | 'functions' | 'classes'): number =>
  parsed.reduce((sum, file) => sum + file[what], 0)

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
