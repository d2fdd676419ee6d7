/**
 * A tool's value as one line of JSON. What JSON does not have: bytes become base64, large integers decimal strings,
 * sets and arrays of numbers lists, and Maps objects, or lists of pairs where a key is no text, number, boolean or
 * null.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null, function (this: Record<string, unknown>, key: string, plain: unknown) {
    const raw = this[key]
    if (typeof raw === 'bigint') return raw.toString()
    if (Buffer.isBuffer(raw)) return raw.toString('base64')
    if (raw instanceof Set) return [...(raw as ReadonlySet<unknown>)]
    if (raw instanceof Map) return entriesOf(raw)
    if (ArrayBuffer.isView(raw)) return [...(raw as unknown as Iterable<number | bigint>)]
    return plain
  })
}

function entriesOf(map: ReadonlyMap<unknown, unknown>): object {
  const entries = [...map]
  const names = new Set(entries.map(([key]) => (typeof key === 'object' && key !== null ? undefined : String(key))))
  // Two keys may have one text.
  if (names.has(undefined) || names.size < entries.length) return entries
  return Object.fromEntries(entries.map(([key, value]) => [String(key), value]))
}
