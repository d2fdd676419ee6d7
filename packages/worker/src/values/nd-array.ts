// Arrays with a shape, as numpy has them, for Node.
import { TerrariumError } from '@terrarium/supervisor/base'
import { fits, MOST_DIMENSIONS, ownDtype } from './array-form.ts'
import type { TypedArray } from './views.ts'

/**
 * An array with a shape: its elements row by row, and the length of each dimension. An `ndarray` from Python arrives as
 * an NdArray. An NdArray arrives in Python as a `memoryview` of that shape, or as an `ndarray` where the parameter has
 * that type hint.
 *
 * ```ts
 * const image = new NdArray(pixels, [480, 640, 3])
 * const { data, shape } = await pool.call<NdArray<Uint8Array>>('blur', { image })
 * ```
 */
export class NdArray<T extends TypedArray = TypedArray> {
  readonly data: T
  /** The length of each dimension. An array of shape `[]` has one element. */
  readonly shape: readonly number[]
  /**
   * numpy's name of the type of the elements: the name that belongs to the typed array (`float32`, `uint8`); `bool` in
   * a Uint8Array; `datetime64[ms]` or `timedelta64[ms]`, with any unit that numpy has, in a BigInt64Array.
   */
  readonly dtype: string

  /**
   * `shape`: default one dimension. `dtype`: default the name that belongs to `data`. Throws INVALID_ARGUMENT, naming
   * every mistake, when data, shape and dtype do not fit together.
   */
  constructor(data: T, shape?: readonly number[], dtype?: string) {
    const own = ArrayBuffer.isView(data) && !(data instanceof DataView) ? ownDtype(data) : undefined
    if (own === undefined) throw invalid(['`data` must be a typed array of integers, or of floats with 32 or 64 bits'])
    this.data = data
    this.shape = Object.freeze([...(shape ?? [data.length])])
    this.dtype = dtype ?? own
    const mistakes: string[] = []
    if (!fits(this.dtype, data)) mistakes.push(`\`dtype\` must be ${own}, not '${this.dtype}'`)
    if (this.shape.length > MOST_DIMENSIONS || !this.shape.every(isLength)) {
      mistakes.push(`\`shape\` must be at most ${MOST_DIMENSIONS} whole numbers, 0 or more`)
    } else if (this.shape.reduce((product, length) => product * length, 1) !== data.length) {
      mistakes.push(`\`shape\` [${this.shape.join(', ')}] does not have ${data.length} elements`)
    }
    if (mistakes.length > 0) throw invalid(mistakes)
    Object.freeze(this)
  }
}

const isLength = (length: unknown): boolean =>
  Number.isInteger(length) && (length as number) >= 0 && (length as number) < 2 ** 32

const invalid = (mistakes: readonly string[]): TerrariumError =>
  new TerrariumError('INVALID_ARGUMENT', `invalid NdArray: ${mistakes.join('; ')}`, { details: { mistakes } })
