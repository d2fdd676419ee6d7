/** A power of two. */
const PLACES = 1024

/**
 * Names of properties seen lately. The same few come again and again, and comparing one is cheaper than making it anew.
 */
export class NameCache {
  readonly #names = new Array<string>(PLACES).fill('')

  /** The name of 1 to 32 bytes that begins at `begin`; undefined when it is not there, or not ASCII. */
  get(bytes: Uint8Array, begin: number, length: number): string | undefined {
    const name = this.#names[place(bytes, begin, length)] ?? ''
    if (name.length !== length) return undefined
    for (let index = 0; index < length; index++) if (name.charCodeAt(index) !== bytes[begin + index]) return undefined
    return name
  }

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
