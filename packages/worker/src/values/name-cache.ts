// A cache of property names. The objects of a program have the same few names again and again, and comparing bytes with
// a known string is faster than making a new string.
/** How many names are kept, a power of two. */
const PLACES = 1024

/** Names of properties read lately, by a hash of their bytes. A new name takes the place of an older one. */
export class NameCache {
  readonly #names = new Array<string>(PLACES).fill('')

  /** The name of `length` bytes (1 to 32) at `begin`; undefined when it is not in the cache. */
  get(bytes: Uint8Array, begin: number, length: number): string | undefined {
    const name = this.#names[place(bytes, begin, length)] ?? ''
    if (name.length !== length) return undefined
    for (let index = 0; index < length; index++) if (name.charCodeAt(index) !== bytes[begin + index]) return undefined
    return name
  }

  /** Keeps a name, which must be ASCII: one byte for each character. */
  set(bytes: Uint8Array, begin: number, name: string): void {
    this.#names[place(bytes, begin, name.length)] = name
  }
}

function place(bytes: Uint8Array, begin: number, length: number): number {
  const first = bytes[begin] ?? 0
  const middle = bytes[begin + (length >> 1)] ?? 0
  const last = bytes[begin + length - 1] ?? 0
  return (first + middle * 33 + last * 129 + length * 517) & (PLACES - 1)
}
