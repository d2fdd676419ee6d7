// Makes a fingerprint of an error, by which the same failure is recognised although numbers, paths and ids differ.
import { failureToJson, type FailureClass, type FailureInfo, type FailureJson, type FailurePhase } from './failure.ts'
import { recordOf } from './recorded.ts'

/**
 * The parts of a message that differ between two occurrences of one failure. The order matters: the longest shapes come
 * first.
 */
const VARIABLE_PARTS: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\?[^\s'"]*=[^\s'"]*/g, '?<query>'],
  [/(["'`])(?:(?!\1).){1,200}\1/g, '<text>'],
  [/(?<![\w/:.])(?:[A-Za-z]:\\|\/)[^\s:'"()]+/g, '<path>'],
  [/\b0x[0-9a-f]+\b/gi, '<n>'],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, '<n>'],
  [/\d+(\.\d+)?/g, '<n>'],
]

const FRAMES = 3
const DEEPEST_CAUSE = 4

/**
 * A short name for "the same failure": phase, error name, code, message without its variable parts, and the user's
 * innermost functions, for the error and for its causes. Never throws.
 */
export function fingerprint(error: unknown, phase: FailurePhase): string {
  try {
    const record = recordOf(error)
    if (record !== undefined) return record.fingerprints[phase]
    return hash(`${phase}\n${describe(error, 0)}`)
  } catch {
    return hash(`${phase}\nindescribable`)
  }
}

/**
 * A failure. Its fingerprint is computed when it is read first, because reading an error's stack costs more than a
 * restart.
 */
export class Failure implements FailureInfo {
  readonly error: unknown
  readonly class: FailureClass
  readonly phase: FailurePhase
  readonly attempts: number
  readonly at: number
  #fingerprint: string | undefined

  constructor({ error, class: kind, phase, attempts, at }: Omit<FailureInfo, 'fingerprint'>, name?: string) {
    this.error = error
    this.class = kind
    this.phase = phase
    this.attempts = attempts
    this.at = at
    this.#fingerprint = name
  }

  get fingerprint(): string {
    this.#fingerprint ??= fingerprint(this.error, this.phase)
    return this.#fingerprint
  }

  toJSON(): FailureJson {
    return failureToJson(this)
  }
}

function describe(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return `${typeof error} ${normalise(String(error))}`
  const code = 'code' in error ? String(error.code) : ''
  const own = [error.name, code, normalise(error.message), ...frames(error.stack)].join('\n')
  return error.cause === undefined || depth === DEEPEST_CAUSE ? own : `${own}\n${describe(error.cause, depth + 1)}`
}

export function normalise(message: string): string {
  return VARIABLE_PARTS.reduce(
    (text, [shape, placeholder]) => text.replace(shape, placeholder),
    message.slice(0, 1_000),
  )
}

/**
 * `function@file` of the innermost frames of the user's code, up to the first other frame: the callers of the user's
 * code may differ between two attempts. Line numbers are left out, since they change with every build.
 */
function frames(stack: string | undefined): string[] {
  const found: string[] = []
  for (const line of stack?.split('\n') ?? []) {
    const match = /^\s*at (?:async )?(?:(.*?) \()?(.*?):\d+:\d+\)?$/.exec(line) ?? /^(.*?)@(.*?):\d+:\d+$/.exec(line)
    if (match === null) continue
    const [, name = '', file = ''] = match
    if (file.startsWith('node:') || file.includes('node_modules')) break
    found.push(`${name}@${file.slice(file.lastIndexOf('/') + 1)}`)
    if (found.length === FRAMES) break
  }
  return found
}

/** FNV-1a, twice with different seeds: 64 bits suffice to tell the failures of one child apart. */
function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0xcbf29ce4
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x01000193)
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}
