import { Checker, isFunction, isList, isName, shown } from '@terrarium/supervisor/base'

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
  /** Its instances, also of its subclasses, are sent as what `encode` makes of them. */
  readonly class?: abstract new (...args: never[]) => T
  /** Makes something that can be sent, at once: a promise is refused. Goes with `class`. */
  readonly encode?: (value: T) => unknown
  /**
   * Makes the value again of what Python's encoder of that name has made, at once. Without it such values are errors.
   */
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

// An option that is missing here does not compile.
export const VALUE_TYPE: Readonly<Record<keyof ValueType, true>> = {
  name: true,
  class: true,
  encode: true,
  decode: true,
}

/** Collects what is wrong with a list of types; `path` is where it is in the options. */
export function checkTypes(check: Checker, path: string, types: unknown): void {
  if (!isList(types)) {
    check.field({ [path]: types }, path, isList, 'an array of value types')
    return
  }
  const names = new Set<unknown>()
  const classes = new Set<unknown>([Object, Array])
  for (const [index, type] of types.entries()) {
    const at = `${path}[${index}]`
    if (!check.object(at, type, VALUE_TYPE)) continue
    const inner = new Checker(`${at}.`)
    inner.known(type, VALUE_TYPE)
    inner.required(type, 'name', isTypeName, 'a string of 1 to 128 characters')
    if (names.has(type.name)) inner.say('invalid_option', `name ${shown(type.name)} is taken by an earlier type`)
    inner.field(type, 'class', isClass, 'a class')
    if (classes.has(type.class))
      inner.say('invalid_option', 'class must not be Object, Array, or the class of an earlier type')
    inner.field(type, 'encode', isFunction, 'a function')
    inner.field(type, 'decode', isFunction, 'a function')
    if ((type.class === undefined) !== (type.encode === undefined)) {
      inner.say('invalid_option', 'class and encode must both be given, or neither')
    } else if (type.encode === undefined && type.decode === undefined) {
      inner.say('invalid_option', 'encode or decode must be given')
    }
    names.add(type.name)
    if (type.class !== undefined) classes.add(type.class)
    check.mistakes.push(...inner.mistakes)
  }
}

const isTypeName = (name: unknown): boolean => isName(name) && name.length <= 128

const isClass = (value: unknown): boolean =>
  typeof value === 'function' && typeof (value as { prototype?: unknown }).prototype === 'object'
