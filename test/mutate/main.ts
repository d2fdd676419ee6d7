// npm run mutate: breaks one rule of the source at a time, and looks whether its tests notice.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import { Checkout } from './checkout.ts'
import type { Mutation, Tests } from './mutation.ts'
import { PACKAGES } from './packages.ts'
import { POOL } from './pool.ts'

const MUTATIONS: readonly Mutation[] = [...PACKAGES, ...POOL]

const USAGE = `Usage: npm run mutate [-- --only TEXT] [--some N [--seed N]]

  --only TEXT   mutations whose file or rule has this text
  --some N      so many of them, drawn by the seed; default: all
  --seed N      default: 1

Prints each mutation, and at the end the survivors: mutations that no test has noticed. Exit code 1 when a survivor has
no reason beside it in test/mutate, or when tests fail although nothing was changed.
`

/** Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  const chosen = chooseFrom(argv)
  if (typeof chosen === 'string') {
    process.stderr.write(`${chosen}\n\n${USAGE}`)
    return 2
  }
  const python = process.env.TERRARIUM_PYTHON ?? ''
  const checkout = new Checkout(fileURLToPath(new URL('../../../', import.meta.url)), python)
  const end = (): void => {
    checkout.remove()
    process.exit(1)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  try {
    for (const mutation of chosen) checkout.check(mutation)
    return (await passUnchanged(checkout, chosen)) ? await plantAll(checkout, chosen) : 1
  } finally {
    checkout.remove()
  }
}

/** Returns the mutations that are asked for, or what is wrong with the arguments. */
function chooseFrom(argv: readonly string[]): readonly Mutation[] | string {
  const request = parseRequest(argv)
  if (typeof request === 'string') return request
  const { only = '', some, seed = '1' } = request
  const found = MUTATIONS.filter(({ file, breaks }) => file.includes(only) || breaks.includes(only))
  if (found.length === 0) return `No mutation has the text ${only} in its file or rule.`
  const count = some === undefined ? found.length : Number(some)
  if (!Number.isInteger(count) || count < 0) return `--some must be a whole number, not ${String(some)}.`
  if (!/^\d+$/.test(seed)) return `--seed must be a whole number, not ${seed}.`
  const random = new Random(Number(seed), 0)
  const left = [...found]
  while (left.length > count) left.splice(random.between(0, left.length - 1), 1)
  return left
}

function parseRequest(argv: readonly string[]): { only?: string; some?: string; seed?: string } | string {
  const options = { only: { type: 'string' }, some: { type: 'string' }, seed: { type: 'string' } } as const
  try {
    return parseArgs({ args: [...argv], options }).values
  } catch (error) {
    return (error as Error).message
  }
}

const nameOf = (tests: Tests): string =>
  'pytest' in tests ? tests.pytest : `${tests.path}${tests.name === undefined ? '' : ` (${tests.name})`}`

/** Tests that fail anyway notice nothing. */
async function passUnchanged(checkout: Checkout, chosen: readonly Mutation[]): Promise<boolean> {
  const all = new Map(chosen.flatMap(({ tests }) => tests.map((each) => [nameOf(each), each] as const)))
  let isGreen = true
  for (const [name, tests] of all) {
    if (await checkout.passes(tests)) continue
    isGreen = false
    process.stderr.write(`fails although nothing was changed: ${name}\n`)
  }
  return isGreen
}

async function plantAll(checkout: Checkout, chosen: readonly Mutation[]): Promise<number> {
  const survivors: Mutation[] = []
  for (const mutation of chosen) {
    const begun = performance.now()
    const restore = checkout.plant(mutation)
    const killer = await killerOf(checkout, mutation)
    restore()
    if (killer === undefined) survivors.push(mutation)
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
    const { file, breaks } = mutation
    process.stdout.write(
      `${killer === undefined ? 'SURVIVES' : 'noticed '} ${seconds.padStart(6)} s  ${file}: ${breaks}\n`,
    )
  }
  for (const { file, breaks, survives } of survivors) {
    process.stdout.write(`survivor: ${file}: ${breaks}\n  ${survives ?? 'NO REASON IS GIVEN'}\n`)
  }
  const unexplained = survivors.filter(({ survives }) => survives === undefined).length
  const noticed = chosen.length - survivors.length
  process.stdout.write(
    `${chosen.length} mutations, ${noticed} noticed, ${survivors.length} survivors, ${unexplained} without a reason\n`,
  )
  return unexplained === 0 ? 0 : 1
}

/** The first tests that fail. */
async function killerOf(checkout: Checkout, { tests }: Mutation): Promise<Tests | undefined> {
  for (const each of tests) if (!(await checkout.passes(each))) return each
  return undefined
}
