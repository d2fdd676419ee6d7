// The suite `inspector`: what it costs an application of XState to be inspected, with and without a page.
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import type { BenchContext, Suite } from '../suite.ts'
import { openApplications, type Application } from './application.ts'

/** Ms of one application in one round. */
const DURATION = 100
const ROUNDS = 40
/** While a page is open an event may cost so many times as much. */
const WATCHED = 2
/** With `watch()`, while no page is open: what the noise of a machine that is shared may pretend. */
const UNWATCHED = 1.05

/** Measures CPU time per event, in interleaved rounds, each beside the application without an inspector. */
export const inspector: Suite = {
  name: 'inspector',
  description: 'events of an application with 300 actors of XState, inspected and not, with a page and without one',
  run,
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  return [...(await compare('an order', context)), ...(await compare('a light', context))]
}

async function compare(machine: 'an order' | 'a light', { quick, signal, log }: BenchContext): Promise<Figure[]> {
  const applications = await openApplications(machine)
  try {
    const rounds = quick ? 3 : ROUNDS
    const duration = quick ? 20 : DURATION
    const costs = applications.map((): number[] => [])
    for (let round = -1; round < rounds; round += 1) {
      // The order turns, so that no application is always measured after the same one.
      for (let turn = 0; turn < applications.length; turn += 1) {
        signal.throwIfAborted()
        const index = (turn + Math.max(0, round)) % applications.length
        const cost = await costOf(applications[index] as Application, duration)
        if (round >= 0) costs[index]?.push(cost)
      }
    }
    log(`${machine}: ${rounds} rounds`)
    return figuresOf(applications, costs)
  } finally {
    for (const { close } of applications) await close()
  }
}

/** CPU time of this process per event, in ns. */
async function costOf({ send, events }: Application, duration: number): Promise<number> {
  await breathe()
  const before = process.cpuUsage()
  const end = performance.now() + duration
  let sent = 0
  do {
    send()
    sent += events
    // What is written to a page is sent between two turns, as in any application.
    await breathe()
  } while (performance.now() < end)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / sent
}

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function figuresOf(applications: readonly Application[], costs: readonly (readonly number[])[]): Figure[] {
  const [bare = []] = costs
  const alone = median(bare)
  return applications.map(({ name, isWatched, isBound }, index) => {
    if (index === 0) return figure({ name, value: alone, unit: 'ns/event' })
    // The ratio of each round is of two measurements side by side.
    const ratio = median((costs[index] ?? []).map((cost, round) => cost / (bare[round] ?? NaN)))
    return figure({
      name,
      value: ratio * alone,
      unit: 'ns/event',
      against: { name: 'no inspector', value: alone },
      target: !isBound ? null : { atMost: isWatched ? WATCHED : UNWATCHED },
    })
  })
}
