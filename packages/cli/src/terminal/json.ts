// The result of a tool as JSON, for `terrarium call`.
/**
 * A value as one line of JSON. Values that JSON lacks: bytes become base64, bigints decimal strings, Sets and typed
 * arrays lists. A Map becomes an object, or a list of pairs when a key is an object or two keys have the same text.
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
  // `1` and `'1'` have the same text.
  if (names.has(undefined) || names.size < entries.length) return entries
  return Object.fromEntries(entries.map(([key, value]) => [String(key), value]))
}
