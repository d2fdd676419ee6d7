// CRC-32. `zlib.crc32` came with Node 20.15; this works on every Node 20.
const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c
})

/** CRC-32 (IEEE) of a text's UTF-8 bytes, as a whole number below 2^32. */
export function crc32(text: string): number {
  let c = 0xffffffff
  const bytes = Buffer.from(text)
  // By index: iterating a Buffer with for...of takes several times as long.
  for (let index = 0; index < bytes.length; index++) c = (c >>> 8) ^ (table[(c ^ (bytes[index] ?? 0)) & 0xff] ?? 0)
  return (c ^ 0xffffffff) >>> 0
}
