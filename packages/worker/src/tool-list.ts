// The tools that a worker has announced: checked once, and looked up for each call.
import { TerrariumError } from '@terrarium/supervisor/base'
import { closeMatches } from './close-matches.ts'
import type { ToolInfo } from './frame.ts'

/** The longest name of a tool, as the package `terrarium` sees to it, in characters. */
const LONGEST_NAME = 128
/** The longest part of a summary, a signature or a docstring that is kept, in UTF-16 code units. */
const LONGEST_SUMMARY = 8_192
/** A frame of the lane has 16 bits for the index of a tool. */
const MOST_TOOLS = 65_535
/** How many tools are named when no name is near, and how many are compared. */
const MOST_NAMED = 10
const MOST_COMPARED = 1_000

export class ToolList {
  readonly tools: readonly ToolInfo[]
  /** Of tools with a result, and of those with a stream of items. */
  readonly #indexes = new Map<string, number>()
  readonly #streams = new Map<string, number>()

  /** Throws a TypeError for what no module with tools can offer. */
  constructor(offered: readonly ToolInfo[]) {
    if (offered.length > MOST_TOOLS) throw new TypeError(`${offered.length} tools, more than ${MOST_TOOLS}`)
    this.tools = offered.map((tool, index) => {
      const { name, isAsync, isStream, summary, signature = '', doc = '', kind = '', batch = 0 } = tool
      if (name === '' || lengthOf(name) > LONGEST_NAME) {
        throw new TypeError(`a tool whose name does not have 1 to ${LONGEST_NAME} characters`)
      }
      if (this.#indexes.has(name) || this.#streams.has(name)) throw new TypeError(`two tools named ${name}`)
      const indexes = isStream ? this.#streams : this.#indexes
      indexes.set(name, index)
      return {
        name,
        isAsync,
        isStream,
        summary: cut(summary, LONGEST_SUMMARY),
        signature: cut(signature, LONGEST_SUMMARY),
        doc: cut(doc, LONGEST_SUMMARY),
        kind: cut(kind, LONGEST_NAME),
        batch,
      }
    })
  }

  /**
   * The place of a tool in the list. Throws TOOL_NOT_FOUND, with the names of similar tools or the first ten, and
   * INVALID_ARGUMENT for a tool with a stream.
   */
  indexOf(name: string): number {
    const index = this.#indexes.get(name)
    if (index !== undefined) return index
    if (!this.#streams.has(name)) throw this.#notFound(name)
    throw new TerrariumError('INVALID_ARGUMENT', `${name} is a generator: it has a stream of items, not one result`, {
      hint: 'Read its items with stream() instead of call().',
    })
  }

  /** The place of a tool that has a stream. Throws TOOL_NOT_FOUND, and INVALID_ARGUMENT for a tool without a stream. */
  streamIndexOf(name: string): number {
    const index = this.#streams.get(name)
    if (index !== undefined) return index
    if (!this.#indexes.has(name)) throw this.#notFound(name)
    throw new TerrariumError('INVALID_ARGUMENT', `${name} is no generator: it has one result, not a stream of items`, {
      hint: 'Use call() instead of stream(), or make the tool a generator function, with `yield`.',
    })
  }

  #notFound(name: string): TerrariumError {
    const isLong = lengthOf(name) > LONGEST_NAME
    const shown = (isLong ? `${name.slice(0, LONGEST_NAME)}…` : name).replace(/\s+/g, ' ')
    return new TerrariumError('TOOL_NOT_FOUND', `no tool is named '${shown}': ${this.#known(isLong ? '' : name)}`)
  }

  #known(name: string): string {
    const names = this.tools.slice(0, MOST_COMPARED).map((tool) => tool.name)
    const near = closeMatches(name, names, 3)
    if (near.length > 0) return `did you mean ${near.join(' or ')}?`
    if (names.length === 0) return 'the worker has announced no tools'
    const more = this.tools.length - MOST_NAMED
    return `there is ${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  }
}

/** Before Ready. */
export const NO_TOOLS = new ToolList([])

/** In characters; of a text that is much too long, a number that is too large. */
const lengthOf = (name: string): number => Array.from(name.slice(0, 2 * LONGEST_NAME + 1)).length

export const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}…`
