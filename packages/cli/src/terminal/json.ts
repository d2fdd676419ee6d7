/** A tool's value as one line of JSON. What JSON does not have: bytes become base64, large integers decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null, function (this: Record<string, unknown>, key: string, plain: unknown) {
    const raw = this[key]
    if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
    return typeof raw === 'bigint' ? raw.toString() : plain
  })
}
