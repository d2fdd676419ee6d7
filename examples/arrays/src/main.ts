// Sends an image to numpy as an array, and reads arrays back: as a result, in an object, and as items of a stream.
import { fileURLToPath } from 'node:url'
import { createPool, NdArray } from '@terrarium/pool'

const TOOLS = fileURLToPath(new URL('../images.py', import.meta.url))
const [HEIGHT, WIDTH] = [480, 640]

interface Histogram {
  readonly counts: NdArray
  readonly edges: NdArray
}

/** Resolves with the exit code: 0 when no process is left. */
export async function main(): Promise<number> {
  const pool = createPool({ name: 'images', tools: TOOLS })
  await pool.start()
  const image = new NdArray(drawn(), [HEIGHT, WIDTH])
  console.log(`sent: ${described(image)}`)

  const blurred = await pool.call<NdArray>('blur', { image, times: 3 })
  console.log(`blurred: ${described(blurred)}`)

  const { counts, edges } = await pool.call<Histogram>('histogram', { image: blurred, bins: 4 })
  console.log(`pixels in ${counts.data.length} of its ${edges.data.length - 1} bins: ${counts.data.join(' ')}`)

  let sum = 0
  let tiles = 0
  for await (const tile of pool.stream<NdArray>('tiles', { image, size: 160 })) {
    tiles += 1
    sum += tile.data.length
  }
  console.log(`${tiles} tiles, ${sum} pixels`)

  const { processesLeft } = await pool.stop()
  console.log(`stopped; processes left: ${processesLeft}`)
  return processesLeft === 0 ? 0 : 1
}

/** A white square on black. */
function drawn(): Uint8Array {
  const pixels = new Uint8Array(HEIGHT * WIDTH)
  for (let row = 160; row < 320; row += 1) pixels.fill(255, row * WIDTH + 240, row * WIDTH + 400)
  return pixels
}

const described = ({ dtype, shape, data }: NdArray): string =>
  `${dtype} of ${shape.join(' × ')}, ${data.byteLength} bytes, a ${data.constructor.name}`
