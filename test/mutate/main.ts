// npm run mutate: breaks one rule of the source at a time, and looks whether its tests notice.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Random } from '../support/random.ts'
import { Checkout } from './checkout.ts'
import type { Mutation, Tests } from './mutation.ts'
import { faultsOf, MUTATIONS } from './mutations.ts'

const USAGE = `Usage: npm run mutate [-- --only TEXT] [--some N [--seed N]] [--check]

  --only TEXT   mutations whose file or rule has this text
  --some N      so many of them, drawn by the seed; default: all
  --seed N      default: 1
  --check       only looks whether each mutation can be planted and its tests are there

Prints each mutation, and at the end the survivors: mutations that no test has noticed. Exit code 1 when a survivor has
no reason beside it in test/mutate, when a mutation cannot be planted, or when tests fail although nothing was changed.
`

/** Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  const choice = chooseFrom(argv)
  if (typeof choice === 'string') {
    process.stderr.write(`${choice}\n\n${USAGE}`)
    return 2
  }
  const { chosen, onlyChecks } = choice
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const faults = chosen.flatMap((mutation) => faultsOf(root, mutation))
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (onlyChecks || faults.length > 0) {
    process.stdout.write(`${chosen.length} mutations checked, ${faults.length} faults\n`)
    return faults.length === 0 ? 0 : 1
  }
  const checkout = new Checkout(root, process.env.TERRARIUM_PYTHON ?? '')
  const end = (): void => {
    void checkout.remove().finally(() => process.exit(1))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  try {
    return (await passUnchanged(checkout, chosen)) ? await plantAll(checkout, chosen) : 1
  } finally {
    await checkout.remove()
  }
}

interface Choice {
  readonly chosen: readonly Mutation[]
  readonly onlyChecks: boolean
}

/** What the arguments choose, or what is wrong with them. */
function chooseFrom(argv: readonly string[]): Choice | string {
  const values = parseRequest(argv)
  if (typeof values === 'string') return values
  const { only = '', some, seed = '1', check = false } = values
  const found = MUTATIONS.filter(({ file, breaks }) => file.includes(only) || breaks.includes(only))
  if (found.length === 0) return `No mutation has the text ${only} in its file or rule.`
  const count = some === undefined ? found.length : Number(some)
  if (!Number.isInteger(count) || count < 0) return `--some must be a whole number, not ${String(some)}.`
  if (!/^\d+$/.test(seed)) return `--seed must be a whole number, not ${seed}.`
  const random = new Random(Number(seed), 0)
  const left = [...found]
  while (left.length > count) left.splice(random.between(0, left.length - 1), 1)
  return { chosen: left, onlyChecks: check }
}

/** The given options, or what is wrong with them. */
function parseRequest(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const options = { only: text, some: text, seed: text, check: { type: 'boolean' } } as const
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
    `${chosen.length} planted, ${noticed} noticed, ${survivors.length} survivors, ${unexplained} without a reason\n`,
  )
  return unexplained === 0 ? 0 : 1
}

/** The first tests that fail. */
async function killerOf(checkout: Checkout, { tests }: Mutation): Promise<Tests | undefined> {
  for (const each of tests) if (!(await checkout.passes(each))) return each
  return undefined
}
