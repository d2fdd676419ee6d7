// The stage of the wire suite about starting: how long `start()` takes, and how much memory an idle worker has.
import { readFileSync } from 'node:fs'
import { figure, type Figure } from '../figure.ts'
import { median } from '../measure.ts'
import { openBefore } from './before.ts'
import { openPool } from './pool-call.ts'
import type { Stage, StageContext } from './stage.ts'

interface Started {
  readonly pid: number
  readonly close: () => Promise<void>
}

/** What is started, by the name of its rows; undefined where it cannot be measured. */
const CONTENDERS: Readonly<Record<string, (context: StageContext, size: number) => Promise<Started | undefined>>> = {
  before: (context, size) => openBefore(context, { size }),
  'over gRPC': (context, size) => openOurs(context, size, 'grpc'),
  terrarium: (context, size) => openOurs(context, size, 'socket'),
}

async function openOurs(context: StageContext, size: number, transport: 'grpc' | 'socket'): Promise<Started> {
  const { pool, close } = await openPool(context, { size, transport })
  return { pid: pool.workers[0]?.pid ?? 0, close }
}

/** In turns, and after a turn each to warm up. */
async function start(context: StageContext): Promise<Figure[]> {
  const { quick, log, signal } = context
  const figures: Figure[] = []
  for (const size of quick ? [2] : [2, 8]) {
    log(`start() of ${size} workers: ${Object.keys(CONTENDERS).join(', ')}`)
    const times = new Map<string, number[]>()
    const memory = new Map<string, number[]>()
    for (let round = -1; round < (quick ? 1 : 7); round++) {
      for (const [name, open] of Object.entries(CONTENDERS)) {
        signal.throwIfAborted()
        const begun = performance.now()
        const started = await open(context, size)
        const time = performance.now() - begun
        if (started === undefined) continue
        try {
          if (round < 0) continue
          add(times, name, time)
          add(memory, name, proportionalSize(started.pid))
        } finally {
          await started.close()
        }
      }
    }
    figures.push(...rows(`start() of ${size} workers`, 'ms', times, 0.65))
    if (size === 2) figures.push(...rows('PSS of an idle worker', 'MB', memory, 0.5))
  }
  return figures
}

function rows(label: string, unit: string, values: ReadonlyMap<string, readonly number[]>, atMost: number): Figure[] {
  const named = (name: string): string => `${name}, ${label}`
  const before = values.get('before')
  const against = { name: named('before'), value: before === undefined ? null : median(before) }
  return [...values].map(([name, all]) =>
    figure({
      name: named(name),
      value: median(all),
      unit,
      ...(name === 'before' ? {} : { against }),
      ...(name === 'terrarium' ? { target: { atMost } } : {}),
    }),
  )
}

function add(values: Map<string, number[]>, name: string, value: number): void {
  values.set(name, [...(values.get(name) ?? []), value])
}

/** The proportional set size, in MB. */
function proportionalSize(pid: number): number {
  const kilobytes = /^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
  if (kilobytes === undefined) throw new Error(`this system does not tell the memory of ${pid}`)
  return (Number(kilobytes) * 1024) / 1e6
}

export const startStage: Stage = { name: 'start', isPinned: false, run: start }
