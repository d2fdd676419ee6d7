// Registered types: how values of the application's own classes are sent.
import { Checker, isFunction, isList, isName, shown } from '@terrarium/supervisor/base'

/**
 * A type of the application's own whose values can be sent. Python registers the same name:
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
// oxlint-disable-next-line typescript/no-explicit-any -- what encode gives and decode takes is for the two to agree on
export interface ValueType<T = any> {
  /** The name of the type in Node and in Python, 1 to 128 characters. */
  readonly name: string
  /** Instances of this class and of its subclasses are sent as what `encode` returns for them. */
  readonly class?: abstract new (...args: never[]) => T
  /** Returns a value that can be sent. A promise is refused. Needs `class`. */
  readonly encode?: (value: T) => unknown
  /** Returns the value for what Python's encoder of that name returned. A promise is refused. Default: an error. */
  // oxlint-disable-next-line typescript/no-explicit-any -- see above
  readonly decode?: (sent: any) => T
}

/** How the instances of one class are sent. */
export type Encoding = Required<Pick<ValueType, 'name' | 'encode'>>

/** The registered types of one codec. */
export class Registry {
  /** By the prototype of the class. */
  readonly #encoders = new Map<object, Encoding>()
  readonly #decoders = new Map<string, (sent: unknown) => unknown>()
  /** Checks nothing: the types must have passed {@link checkTypes}. */
  constructor(types: readonly ValueType[]) {
    for (const { name, class: Class, encode, decode } of types) {
      if (Class !== undefined && encode !== undefined) this.#encoders.set(Class.prototype as object, { name, encode })
      if (decode !== undefined) this.#decoders.set(name, decode)
    }
  }

  /** The encoding of the value's class, or of the nearest class above it; undefined when none is registered. */
  encodingOf(value: object): Encoding | undefined {
    if (this.#encoders.size === 0) return undefined
    for (let each = prototypeOf(value); each !== null; each = prototypeOf(each)) {
      const found = this.#encoders.get(each)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The decoder of this name; undefined when none is registered. */
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

/** Checks a list of value types. `path`: the path of the list in the options. */
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
