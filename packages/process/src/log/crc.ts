const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c
})

/** CRC-32 (IEEE) of a text's UTF-8 bytes. `zlib.crc32` came with Node 20.15; this works on every Node 20. */
export function crc32(text: string): number {
  let c = 0xffffffff
  for (const byte of Buffer.from(text)) c = (c >>> 8) ^ (table[(c ^ byte) & 0xff] ?? 0)
  return (c ^ 0xffffffff) >>> 0
}
