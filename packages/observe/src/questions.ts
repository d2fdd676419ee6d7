// Answers what readers ask: why an actor is as it is, what would follow from its failure, what the program stands on,
// and what its runs have swept. Nothing is changed by an answer.
import { readFileSync } from 'node:fs'
import { arch, cpus, freemem, hostname, platform, release, totalmem } from 'node:os'
import type { Ask, Explained, Foretold, SweptRecord, SystemPart } from '@terrarium/inspector/protocol'
import { administrate, type ErrorCode, type WhatIf } from '@terrarium/supervisor'
import { TerrariumError } from '@terrarium/supervisor/base'
import { shortened } from './events.ts'
import type { Answer } from './messages.ts'
import type { PoolGround, Source, Supervision } from './sources/source.ts'

/** How many steps of a what-if are told at most. */
const STEPS = 50
/** How long the answer waits for the first sweep of a run, in ms. */
const SWEEP = 2_000

/** Rejects with INVALID_ARGUMENT, and with what the supervisor rejects. */
export async function answer(ask: Ask, sources: Iterable<Source>): Promise<Answer> {
  const { id } = ask
  switch (ask.what) {
    case 'explain':
      return { t: 'answer', id, explain: explained(supervisionOf(ask.actor, sources)) }
    case 'whatIf':
      return { t: 'answer', id, whatIf: await foretold(supervisionOf(ask.actor, sources), ask) }
    case 'system':
      return { t: 'answer', id, system: await system(groundsOf(sources)) }
    case 'sweeps':
      return { t: 'answer', id, sweeps: await sweeps(groundsOf(sources)) }
  }
}

function supervisionOf(actor: string, sources: Iterable<Source>): Supervision {
  for (const source of sources) {
    const supervision = source.supervisionOf(actor)
    if (supervision !== undefined) return supervision
  }
  throw new TerrariumError('INVALID_ARGUMENT', `${shortened(actor)} is no child of an observed supervisor`, {
    hint: 'Ask about a worker of a pool, or a child of a supervisor.',
  })
}

function explained({ supervisor, child }: Supervision): Explained {
  const { sentence, state, attempts, waits, unpark } = administrate(supervisor).explain(child)
  return {
    sentence: shortened(sentence, 1_000),
    state,
    attempts,
    ...(waits === undefined ? {} : { waits }),
    ways: unpark.map((way) => shortened(way)),
  }
}

async function foretold(
  { supervisor, child }: Supervision,
  { error: message, code, phase }: Extract<Ask, { readonly what: 'whatIf' }>,
): Promise<Foretold> {
  const error = code === undefined ? new Error(message) : new TerrariumError(code as ErrorCode, message)
  const { sentence, steps, budget, escalates } = await administrate(supervisor).whatIf(child, error, phase && { phase })
  return {
    sentence: shortened(sentence, 1_000),
    steps: steps.slice(0, STEPS).map((step) => [step.at, step.what, step.id, moreOf(step)] as const),
    left: Math.max(0, steps.length - STEPS),
    budget,
    ...(escalates === undefined ? {} : { escalates: shortened(escalates.message) }),
  }
}

function moreOf({ delay, reason, cause, incarnation }: WhatIf['steps'][number]): string {
  if (delay !== undefined) return `for ${Math.round(delay)} ms`
  return reason ?? cause ?? (incarnation === undefined ? '' : `life ${incarnation}`)
}

function groundsOf(sources: Iterable<Source>): readonly PoolGround[] {
  const grounds: PoolGround[] = []
  for (const source of sources) source.addGrounds(grounds)
  return grounds
}

async function system(grounds: readonly PoolGround[]): Promise<readonly SystemPart[]> {
  const program: SystemPart = {
    title: 'This program',
    facts: [
      ['node', process.version],
      ['terrarium', packageVersion()],
      ['pid', String(process.pid)],
      ['up', `${Math.round(process.uptime())} s`],
      ['memory', mebibytes(process.memoryUsage.rss())],
      ['folder', process.cwd()],
    ],
  }
  const machine: SystemPart = {
    title: 'This machine',
    facts: [
      ['name', hostname()],
      ['system', `${platform()} ${release()}, ${arch()}`],
      ['processors', String(cpus().length)],
      ['memory', `${mebibytes(totalmem() - freemem())} of ${mebibytes(totalmem())} in use`],
    ],
  }
  return [program, machine, ...(await Promise.all(grounds.map(partOf)))]
}

async function partOf({ pool, python, version, runtime }: PoolGround): Promise<SystemPart> {
  const containment = await runtime.containment().catch((error: unknown) => ({ level: String(error), missing: {} }))
  return {
    title: `Pool ${pool}`,
    facts: [
      ['python', python],
      ['version', version],
      ['containment', containment.level],
      ...Object.entries(containment.missing).map(([level, why]) => [`not ${level}`, why] as const),
      ['run', runtime.runId],
      ['installation', runtime.installation],
      ['state', runtime.stateDir],
      ['sockets', runtime.directory],
    ],
  }
}

/** The version of this package. All packages of Terrarium have the same version. */
function packageVersion(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { readonly version: string }).version
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`

async function sweeps(grounds: readonly PoolGround[]): Promise<readonly SweptRecord[]> {
  return (await Promise.all(grounds.map(recordsOf))).flat()
}

async function recordsOf({ pool, runtime }: PoolGround): Promise<readonly SweptRecord[]> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, SWEEP, undefined).unref())
  const swept = await Promise.race([runtime.swept.catch(() => undefined), late])
  const alive = runtime
    .census()
    .map(({ run, pid, spawn }): SweptRecord => ({ run, pid, fate: 'alive', text: `pool ${pool}, spawn ${spawn}` }))
  if (swept === undefined) return alive
  return [
    ...alive,
    ...swept.killed.map(({ run, pid, spawn }): SweptRecord => ({ run, pid, fate: 'killed', text: `spawn ${spawn}` })),
    ...swept.swept.map((run): SweptRecord => ({ run, fate: 'removed', text: 'its host had ended' })),
    ...swept.dropped.map(({ run, pid }): SweptRecord => ({
      run,
      pid,
      fate: 'dropped',
      text: 'the pid is of another program now',
    })),
    ...swept.left.map(({ run, pid, reason, detail }): SweptRecord => {
      return {
        run,
        ...(pid === undefined ? {} : { pid }),
        fate: 'left',
        text: `${reason.replaceAll('_', ' ')}: ${detail}`,
      }
    }),
  ]
}
