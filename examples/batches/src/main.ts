// A hundred callers ask for one price each, and Python makes few queries of these calls.
import { fileURLToPath } from 'node:url'
import { createPool } from '@terrarium/pool'

const TOOLS = fileURLToPath(new URL('../prices.py', import.meta.url))

/** Resolves with the exit code: 0 when each caller has its own answer. */
export async function main(): Promise<number> {
  // A worker makes batches of the calls that it has: as many as a batch may hold.
  const pool = createPool({ name: 'prices', tools: TOOLS, concurrency: 64 })
  await pool.start()

  const callers = Array.from({ length: 100 }, (_, n) => pool.call<number>('price', { sku: `sku-${n}` }))
  const unknown = pool.call<string>('price', { sku: 'sku-none' }).catch((error: unknown) => (error as Error).message)
  const prices = await Promise.all(callers)
  const areRight = prices.every((price, n) => price === 100 + n)
  console.log(`${prices.length} callers, ${areRight ? 'each with its own price' : 'with wrong prices'}`)
  console.log(`the caller with an unknown article: ${await unknown}`)
  console.log(`queries: ${await pool.call<number>('queries_made')}`)

  const { processesLeft } = await pool.stop()
  console.log(`stopped; processes left: ${processesLeft}`)
  return areRight && processesLeft === 0 ? 0 : 1
}
