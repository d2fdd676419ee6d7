// One tool for many items: calls it for each item of an iterable, a few at a time, and takes an item only when a result
// was read, so that neither items nor results pile up.
import {
  Checker,
  fieldsOf,
  isAborted,
  isFunction,
  isBoolean,
  onAbort,
  ownOptions,
  reasonOf,
  TerrariumError,
  type AbortWait,
} from '@terrarium/supervisor/base'
import { isWhole } from '@terrarium/process'
import { CALL_OPTIONS, checkCallOptions, type CallArguments, type CallOptions } from './options.ts'

/** Options of `map()`: the options of each call, and these. */
export interface MapOptions extends Omit<CallOptions, 'signal'> {
  /**
   * How many items may be under way: with a call, or with a result that was not read. Default: twice as many as the
   * pool has places, `size` × `concurrency`.
   */
  readonly concurrency?: number
  /** Results come in the order of their items. Default true; `false`: as they are ready. */
  readonly ordered?: boolean
  /** Ends the map: cancels its calls, and rejects the read that waits with CANCELLED. */
  readonly signal?: AbortSignal
}

const MAP_OPTIONS: Readonly<Record<keyof MapOptions, true>> = {
  ...CALL_OPTIONS,
  concurrency: true,
  ordered: true,
}

const MAP = fieldsOf(MAP_OPTIONS)

/** The arguments of each call. */
export type MapItems<T> = Iterable<T> | AsyncIterable<T>

type Args = CallArguments

export interface MapDependencies {
  readonly call: (args: Args, options: CallOptions) => Promise<unknown>
  /** Default of `concurrency`. */
  readonly width: number
}

/** Throws INVALID_ARGUMENT, naming every mistake at once. Takes nothing from the iterable yet. */
export function mapCalls(
  tool: string,
  items: MapItems<Args>,
  options: MapOptions,
  { call, width }: MapDependencies,
): AsyncIterableIterator<unknown> {
  const own: MapOptions = ownOptions(options, MAP, 'options')
  const check = new Checker()
  check.required({ items }, 'items', isIterable, 'an iterable or async iterable of the arguments of each call')
  checkOptions(check, own)
  check.finish(`map of ${typeof tool === 'string' ? tool.slice(0, 128) : 'a tool'}`)
  const { concurrency = width, ordered = true, signal, ...ofCall } = own
  return new Mapping(tool, items, {
    concurrency,
    ordered,
    signal,
    call: (args, stop) => call(args, { ...ofCall, signal: stop }),
  })
}

const MOST = 65_536

function checkOptions(check: Checker, options: unknown): void {
  if (!check.object('options', options, MAP_OPTIONS)) return
  const inner = new Checker('options.')
  inner.known(options, MAP_OPTIONS)
  checkCallOptions(inner, options)
  inner.field(options, 'concurrency', isWhole(1, MOST), `a whole number from 1 to ${MOST}`)
  inner.field(options, 'ordered', isBoolean, 'true or false')
  check.mistakes.push(...inner.mistakes)
}

/** Not a text, whose characters are no arguments. */
function isIterable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = value as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  return isFunction(later) || isFunction(now)
}

/** The result of one item, once it is there. */
interface Entry {
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined
}

interface Manner {
  readonly concurrency: number
  readonly ordered: boolean
  readonly signal: AbortSignal | undefined
  readonly call: (args: Args, stop: AbortSignal) => Promise<unknown>
}

type Source = Iterator<Args, unknown> | AsyncIterator<Args, unknown>

class Mapping implements AsyncIterableIterator<unknown> {
  readonly #tool: string
  readonly #items: MapItems<Args>
  readonly #manner: Manner
  /** Cancels the calls. */
  readonly #stop = new AbortController()
  /** Items that were taken and whose results were not read, in order. */
  readonly #underWay: Entry[] = []
  #source: Source | undefined
  /** An item is being taken. */
  #isTaking = false
  /** The source has no further item, or is not to give any. */
  #isExhausted = false
  #hasEnded = false
  #abort: AbortWait | undefined
  /** Why the next read rejects. */
  #failure: { readonly error: unknown } | undefined
  /** Lets the read that waits look again. */
  #look: (() => void) | undefined
  /** Reads are answered one after the other. */
  #reads: Promise<unknown> = Promise.resolve()

  constructor(tool: string, items: MapItems<Args>, manner: Manner) {
    this.#tool = tool
    this.#items = items
    this.#manner = manner
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    const read = this.#reads.then(() => this.#read())
    this.#reads = read.catch(() => undefined)
    return read
  }

  /** The reader leaves: calls are cancelled, and the source is closed. */
  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    await this.#end()
    return { done: true, value }
  }

  async #read(): Promise<IteratorResult<unknown>> {
    this.#begin()
    for (;;) {
      if (this.#failure !== undefined) {
        const { error } = this.#failure
        this.#failure = undefined
        throw error
      }
      if (this.#hasEnded) return { done: true, value: undefined }
      const entry = this.#ready()
      if (entry !== undefined) return this.#answer(entry)
      if (this.#isExhausted && this.#underWay.length === 0) await this.#end()
      else
        await new Promise<void>((resolve) => {
          this.#look = resolve
        })
    }
  }

  /** At the first read. */
  #begin(): void {
    if (this.#source !== undefined || this.#hasEnded) return
    const { signal } = this.#manner
    if (signal !== undefined && isAborted(signal)) {
      this.#aborted(reasonOf(signal))
      return
    }
    try {
      const items = this.#items as AsyncIterable<Args, unknown> & Iterable<Args, unknown>
      this.#source = isFunction(items[Symbol.asyncIterator]) ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
      if (signal !== undefined)
        this.#abort = onAbort(signal, (reason) => {
          this.#aborted(reason)
        })
    } catch (error) {
      this.#fail(error)
      return
    }
    void this.#take()
  }

  #ready(): Entry | undefined {
    const { ordered } = this.#manner
    const index = ordered ? 0 : this.#underWay.findIndex(({ outcome }) => outcome !== undefined)
    const entry = this.#underWay[index]
    if (entry?.outcome === undefined) return undefined
    this.#underWay.splice(index, 1)
    return entry
  }

  async #answer({ outcome }: Entry): Promise<IteratorResult<unknown>> {
    if (outcome !== undefined && 'value' in outcome) {
      void this.#take()
      return { done: false, value: outcome.value }
    }
    await this.#end().catch(() => undefined) // the error that comes first is told
    throw outcome?.error
  }

  /** Takes items from the source as long as more may be under way. */
  async #take(): Promise<void> {
    const source = this.#source
    if (source === undefined || this.#isTaking) return
    this.#isTaking = true
    while (!this.#isExhausted && this.#underWay.length < this.#manner.concurrency) {
      try {
        const next = await source.next()
        if (next.done === true) this.#isExhausted = true
        else if (!this.#hasEnded) this.#call(next.value)
      } catch (error) {
        this.#isExhausted = true
        this.#underWay.push({ outcome: { error } })
      }
      this.#wake()
    }
    this.#isTaking = false
  }

  #call(args: Args): void {
    const entry: Entry = { outcome: undefined }
    this.#underWay.push(entry)
    this.#manner.call(args, this.#stop.signal).then(
      (value) => {
        entry.outcome = { value }
        this.#wake()
      },
      (error: unknown) => {
        entry.outcome = { error }
        this.#wake()
      },
    )
  }

  #wake(): void {
    this.#look?.()
    this.#look = undefined
  }

  #aborted(cause: unknown): void {
    const tool = this.#tool
    this.#fail(new TerrariumError('CANCELLED', `map of ${tool} was cancelled`, { cause, details: { tool } }))
  }

  #fail(error: unknown): void {
    if (this.#hasEnded) return
    this.#failure = { error }
    this.#end().catch(() => undefined)
  }

  /** Cancels what is under way and closes the source, once. Rejects with what the source throws. */
  async #end(): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#abort?.release()
    const isOpen = !this.#isExhausted
    this.#isExhausted = true
    this.#underWay.length = 0
    this.#stop.abort()
    this.#wake()
    if (!isOpen || this.#source?.return === undefined) return
    // An async generator answers return() only when it has given the item that it was asked for, maybe never.
    const closed = Promise.resolve(this.#source.return())
    if (this.#isTaking) closed.catch(() => undefined)
    else await closed
  }
}
