// Tools in Python ask this process for prices: arguments by a schema, an error that travels, and a call back to Python.
import { fileURLToPath } from 'node:url'
import { createPool, isTerrariumError, type Pool } from '@terrarium/pool'

const TOOLS = fileURLToPath(new URL('../orders.py', import.meta.url))

const PRICES: ReadonlyMap<string, number> = new Map([
  ['apple', 0.5],
  ['pear', 0.75],
])

interface Wanted {
  readonly sku: string
  readonly count: number
}

class NoSuchArticle extends Error {
  readonly code = 'NO_SUCH_ARTICLE'
}

/** Resolves with the exit code: 0 when the caller has the very error that the price function threw. */
export async function main(): Promise<number> {
  // A call that a price function makes needs a place beside the tool that waits for the price.
  const pool = createPool({ name: 'orders', tools: TOOLS, size: 2 })
  const thrown = exposePrices(pool)
  await pool.start()

  console.log(`2 apples and 4 pears: ${await pool.call<number>('total', { order: { apple: 2, pear: 4 } })}`)
  console.log(`10 apples, with a rebate: ${await pool.call<number>('total', { order: { apple: 10 } })}`)
  console.log(`articles: ${(await pool.call<string[]>('known', { skus: ['apple', 'plum', 'pear'] })).join(', ')}`)
  console.log(`wrong arguments: ${await pool.call<string>('ask_wrongly')}`)

  const error: unknown = await pool.call('total', { order: { plum: 1 } }).catch((caught: unknown) => caught)
  const isTheSame = isTerrariumError(error, 'PYTHON_ERROR') && error.cause === thrown.at(-1)
  console.log(`a plum: ${isTerrariumError(error) ? `${error.code}, because of ${String(error.cause)}` : String(error)}`)
  console.log(`the cause is ${isTheSame ? 'the very error that was thrown' : 'another error'}`)

  const { processesLeft } = await pool.stop()
  console.log(`stopped; processes left: ${processesLeft}`)
  return isTheSame && processesLeft === 0 ? 0 : 1
}

/** Lets tools call `price`. Returns the errors that it throws. */
function exposePrices(pool: Pool): readonly Error[] {
  const thrown: Error[] = []
  const price = async ({ sku, count }: Wanted): Promise<number> => {
    const each = PRICES.get(sku)
    if (each === undefined) {
      const error = new NoSuchArticle(`no price of ${sku}`)
      thrown.push(error)
      throw error
    }
    return each * count * (await pool.call<number>('rebate', { count }))
  }
  pool.expose('price', price, { schema: wanted })
  return thrown
}

/** A schema may be a function that returns the arguments or throws, or be made by zod, valibot or arktype. */
function wanted(args: unknown): Wanted {
  const { sku, count } = args as Partial<Record<keyof Wanted, unknown>>
  if (typeof sku !== 'string') throw new TypeError('sku must be a string')
  if (typeof count !== 'number') throw new TypeError('count must be a number')
  return { sku, count }
}
