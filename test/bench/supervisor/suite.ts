// The suite `supervisor`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureErlang, findErlang } from '../../support/erlang.ts'
import { figure, type Figure } from '../figure.ts'
import type { BenchContext, Suite } from '../suite.ts'
import { compileErlang } from './erlang.ts'
import { nodeContender } from './process.ts'
import { measureRow, type Contenders, type Result } from './result.ts'
import { quickened, ROOMY, ROWS } from './row.ts'

const RUNS = 5

/** What supervision costs beside doing without, beside another actor library and beside Erlang/OTP itself. */
export const supervisor: Suite = {
  name: 'supervisor',
  description: `starts, stops, restarts and memory beside bare XState, nact and Erlang/OTP: medians of ${RUNS} processes each`,
  run: async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'terrarium-bench-'))
    try {
      return await measureAll(await findContenders(directory, context), context)
    } finally {
      await rm(directory, { recursive: true })
    }
  },
}

async function findContenders(directory: string, { quick, signal, log }: BenchContext): Promise<Contenders> {
  const contenders: Contenders = {
    terrarium: nodeContender('Terrarium', 'terrarium.js', ['--otp']),
    terrariumDefault: nodeContender('Terrarium', 'terrarium.js', ['--default']),
    terrariumUnlimited: nodeContender('Terrarium', 'terrarium.js', ['--unlimited']),
    terrariumRoomy: nodeContender('Terrarium', 'terrarium.js', ['--otp'], [ROOMY]),
    bare: nodeContender('bare XState', 'bare-xstate.js'),
    nact: nodeContender('nact', 'nact.js'),
  }
  const erlang = await (quick ? findErlang(signal) : ensureErlang(signal))
  if (!erlang.installed) {
    log(`without Erlang/OTP, so nothing is compared with it: ${erlang.reason}`)
    return contenders
  }
  return { ...contenders, erlang: await compileErlang(erlang.release, directory, signal) }
}

async function measureAll(contenders: Contenders, context: BenchContext): Promise<Figure[]> {
  const measure = (name: keyof typeof ROWS): Promise<Result> => {
    const row = ROWS[name]
    return measureRow(context.quick ? quickened(row) : row, contenders, context.quick ? 1 : RUNS, context)
  }
  const start = await measure('start')
  const stopMany = await measure('stopMany')
  const stopMore = await measure('stopMore')
  const restarts = await measure('restarts')
  const storm = await measure('storm')
  const restartsAmongMany = await measure('restartsAmongMany')
  const cost = await measure('restartCost')
  const journal = await measure('journal')
  const group = await measure('group')
  const send = await measure('send')
  const memory = await measure('memory')
  const latency = await measure('latency')
  return [
    ...[start, stopMany, stopMore, restarts, storm, restartsAmongMany].flatMap((result) => result.compare()),
    costAmongMany(cost),
    ...cost.compare(),
    besideNoJournal(journal),
    ...group.compare(),
    besideAlone(send),
    ...memory.compare(),
    beyondBare(memory),
    ...latency.compare(),
    figure({ name: latency.label, value: latency.value('terrarium'), unit: 'µs', target: { atMost: 20 } }),
  ]
}

/** Whether a restart depends on how many siblings there are. */
function costAmongMany(cost: Result): Figure {
  return figure({
    name: cost.label,
    value: cost.value('terrarium', 'many'),
    unit: 'µs',
    against: { name: 'among a hundredth', value: cost.value('terrarium', 'few') },
    target: { atMost: 1.5 },
  })
}

/** What a journal costs a supervisor that restarts all the time. */
function besideNoJournal(journal: Result): Figure {
  return figure({
    name: journal.label,
    value: journal.value('terrariumUnlimited'),
    unit: 'restarts/s',
    against: { name: 'without a journal', value: journal.value('terrariumUnlimited', 'without') },
    target: { atLeast: 0.97 },
  })
}

function besideAlone(send: Result): Figure {
  return figure({
    name: send.label,
    value: send.value('terrarium'),
    unit: 'messages/s',
    against: { name: 'bare actor', value: send.value('terrarium', 'alone') },
    target: { atLeast: 0.95 },
  })
}

function beyondBare(memory: Result): Figure {
  return figure({
    name: `${memory.label}, beyond the bare actor`,
    value: memory.value('terrarium') - memory.value('bare'),
    unit: 'bytes',
    target: { atMost: 400 },
  })
}
