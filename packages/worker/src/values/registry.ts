import { TerrariumError } from '@terrarium/supervisor'

/**
 * A type of the application's own that can be sent. The Python side registers the same name:
 * `terrarium.register_type('Money', Money, encode=…, decode=…)`.
 *
 * ```ts
 * const money: ValueType<Money> = {
 *   name: 'Money',
 *   class: Money,
 *   encode: ({ amount, currency }) => [amount, currency],
 *   decode: ([amount, currency]) => new Money(amount, currency),
 * }
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what encode gives and decode takes is for the two to agree on
export interface ValueType<T = any> {
  /** What both sides call it, 1 to 128 characters. */
  readonly name: string
  /** Its instances, and those of its subclasses, are sent as what `encode` makes of them. */
  readonly class?: abstract new (...args: never[]) => T
  /** Makes something that can be sent. Goes with `class`. */
  readonly encode?: (value: T) => unknown
  /** Makes the value again of what Python's encoder of that name has made. Without it such values are errors. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  readonly decode?: (sent: any) => T
}

/** How the instances of one class are sent. */
export type Encoding = Required<Pick<ValueType, 'name' | 'encode'>>

/** The registered types of one codec. */
export class Registry {
  /** By prototype. */
  readonly #encoders = new Map<object, Encoding>()
  readonly #decoders = new Map<string, (sent: unknown) => unknown>()
  /** The types must be valid. */
  constructor(types: readonly ValueType[]) {
    for (const { name, class: Class, encode, decode } of types) {
      if (Class !== undefined && encode !== undefined) this.#encoders.set(Class.prototype as object, { name, encode })
      if (decode !== undefined) this.#decoders.set(name, decode)
    }
  }

  encodingOf(value: object): Encoding | undefined {
    if (this.#encoders.size === 0) return undefined
    for (let each = prototypeOf(value); each !== null; each = prototypeOf(each)) {
      const found = this.#encoders.get(each)
      if (found !== undefined) return found
    }
    return undefined
  }

  decoder(name: string): ((sent: unknown) => unknown) | undefined {
    return this.#decoders.get(name)
  }
}

const prototypeOf = (value: object): object | null => Object.getPrototypeOf(value) as object | null

/** What is wrong with a list of types. */
export function mistakesOfTypes(types: unknown, path = 'types'): string[] {
  if (!Array.isArray(types)) return [`\`${path}\` must be an array of value types`]
  const names = new Set<unknown>()
  return types.flatMap((type: unknown, index) => {
    const at = `\`${path}[${index}]`
    if (typeof type !== 'object' || type === null) return [`${at}\` must be an object with \`name\``]
    const { name, class: Class, encode, decode, ...others } = type as Record<string, unknown>
    const mistakes: string[] = []
    if (typeof name !== 'string' || name === '' || name.length > 128) {
      mistakes.push(`${at}.name\` must be a string of 1 to 128 characters`)
    } else if (names.has(name)) mistakes.push(`${at}.name\` '${name}' is taken by an earlier type`)
    names.add(name)
    if (Class !== undefined && !(typeof Class === 'function' && typeof Class.prototype === 'object')) {
      mistakes.push(`${at}.class\` must be a class`)
    } else if (Class === Object || Class === Array) mistakes.push(`${at}.class\` must not be Object or Array`)
    if (encode !== undefined && typeof encode !== 'function') mistakes.push(`${at}.encode\` must be a function`)
    if (decode !== undefined && typeof decode !== 'function') mistakes.push(`${at}.decode\` must be a function`)
    if ((Class === undefined) !== (encode === undefined)) mistakes.push(`${at}\` must have \`class\` and \`encode\`, or neither`)
    if (encode === undefined && decode === undefined) mistakes.push(`${at}\` must have \`encode\` or \`decode\``)
    for (const unknown of Object.keys(others)) mistakes.push(`${at}.${unknown}\` is not an option of a value type`)
    return mistakes
  })
}

/** Throws INVALID_ARGUMENT, naming every mistake. */
export function checkTypes(types: unknown): void {
  const mistakes = mistakesOfTypes(types)
  if (mistakes.length > 0) {
    throw new TerrariumError('INVALID_ARGUMENT', `invalid types: ${mistakes.join('; ')}`, { details: { mistakes } })
  }
}
