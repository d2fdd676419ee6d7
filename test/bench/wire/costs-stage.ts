// The stage of the wire suite about what a call costs beside its way: values, contexts, checks of options and counters.
// Each step is run alone, many times, so it shows what the step costs and not what it costs to come to it.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { KeepAlive, systemClock } from '@terrarium/supervisor/base'
import { encode, ValueCodec } from '@terrarium/worker'
import { figure, type Figure } from '../figure.ts'
import type { Stage, StageContext } from './stage.ts'

const CALLS = 1_000

const ARGUMENTS = { data: Buffer.alloc(100, 'a') }

/** What is used of modules that their packages do not export. */
interface Internals {
  readonly readCall: (tool: string, args: object, options: object) => unknown
  readonly CallTable: new () => { add(value: object): number; take(id: number): unknown }
  readonly Pace: new (time: number) => { answered(ms: number): boolean }
}

async function internals(): Promise<Internals> {
  const load = async (path: string): Promise<Internals> =>
    (await import(new URL(`../../../../packages/${path}`, import.meta.url).href)) as Internals
  const { readCall } = await load('pool/dist/call-request.js')
  const { CallTable } = await load('worker/dist/call-table.js')
  const { Pace } = await load('pool/dist/core/pace.js')
  return { readCall, CallTable, Pace }
}

/** The steps in Node by their names. */
function stepsOf({ readCall, CallTable, Pace }: Internals): Readonly<Record<string, () => void>> {
  const codec = new ValueCodec()
  const result = encode(ARGUMENTS.data)
  const options = { timeout: 60_000, idempotent: true }
  const [keepAlive, table, pace] = [new KeepAlive(), new CallTable(), new Pace(0.01)]
  const counts = { accepted: 0, completed: 0 }
  return {
    'values: 100 bytes as argument and as result': () => {
      codec.encodeArguments('echo', ARGUMENTS, true)
      codec.decodePart(result, 0, result.length, 'the result')
    },
    'options: a call with a deadline, read and checked': () => {
      readCall('echo', ARGUMENTS, options)
    },
    'counters: id, open calls, accepted and completed, pace': () => {
      keepAlive.hold()
      counts.accepted += 1
      table.take(table.add(options))
      counts.completed += 1
      pace.answered(0.01)
      keepAlive.release()
    },
    'clock: two readings, for a call that comes alone': () => {
      systemClock.now()
      systemClock.now()
    },
  }
}

/** The time of one step in µs. The least of many short rounds, because another process on this core only adds. */
function timeOf(step: () => void, rounds: number): number {
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    for (let count = 0; count < CALLS; count++) step()
    least = Math.min(least, ((performance.now() - begun) * 1_000) / CALLS)
  }
  return least
}

async function costs({ python, quick, signal, log }: StageContext): Promise<Figure[]> {
  log('what values, contexts, options and counters of a call cost, in Node and in Python')
  const rounds = quick ? 50 : 500
  const inNode = Object.entries(stepsOf(await internals())).map(
    ([name, step]) => [`${name} (Node)`, timeOf(step, rounds)] as const,
  )
  const script = fileURLToPath(new URL('../../../bench/wire/costs.py', import.meta.url))
  const sources = fileURLToPath(new URL('../../../../python/src', import.meta.url))
  const { stdout } = await promisify(execFile)(python, [script, sources, String(CALLS), String(rounds)], { signal })
  const inPython = Object.entries(JSON.parse(stdout) as Record<string, number>).map(
    ([name, time]) => [`${name} (Python)`, time] as const,
  )
  const all = [...inNode, ...inPython]
  return [
    ...all.map(([name, value]) => figure({ name, value, unit: 'µs a call' })),
    figure({
      name: 'all these together',
      value: all.reduce((sum, [, value]) => sum + value, 0),
      unit: 'µs a call',
      target: { atMost: 3 },
    }),
  ]
}

export const costsStage: Stage = { name: 'costs', isPinned: true, run: costs }
