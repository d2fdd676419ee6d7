// The stage of the wire suite about what a pool costs over its sessions: the processor time of a call in Node.
import { figure, type Figure } from '../figure.ts'
import { inTurns, median } from '../measure.ts'
import { openAll, type Contenders } from './compare.ts'
import type { Stage, StageContext } from './stage.ts'

const CONTENDERS: Contenders<'session' | 'pool'> = {
  session: { kind: 'session' },
  pool: { kind: 'pool', shape: { concurrency: 256 } },
}

async function cpu(context: StageContext): Promise<Figure[]> {
  const { quick, signal, log } = context
  const { open, close } = await openAll(context, CONTENDERS)
  try {
    const figures: Figure[] = []
    for (const inFlight of [1, 64]) {
      log(`processor time of a call in Node, ${inFlight} in flight: bare session, pool.call`)
      const request = { inFlight, duration: quick ? 40 : 1_000 }
      const times = await inTurns(
        [...open.values()].map((contender) => () => contender.processorTime(request, signal)),
        quick ? 1 : 7,
      )
      const [bare, whole] = times.map(median) as [number, number]
      const label = `processor time in Node at ${inFlight}`
      const against = { name: `pool.call, ${label}`, value: whole }
      figures.push(
        figure({ name: `bare session, ${label}`, value: bare, unit: 'µs a call' }),
        figure({ ...against, unit: 'µs a call' }),
        figure({
          name: `the pool's part, ${label}`,
          value: whole - bare,
          unit: 'µs a call',
          against,
          target: { atMost: 0.15 },
        }),
      )
    }
    return figures
  } finally {
    await close()
  }
}

export const cpuStage: Stage = { name: 'cpu', isPinned: false, run: cpu }
