// The chaos inside its PID namespace: plays the targets and counts what went wrong.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Containment } from '@terrarium/process'
import { Random } from '../support/random.ts'
import { levelLack } from './levels.ts'
import { parseRequest, type Lacks, type Request } from './request.ts'
import { add, formatTally, isClean, NOTHING, type Tally } from './tally.ts'
import type { Context, Target } from './target.ts'

/** A target is given up after this many failed rounds. */
const MOST_FAULTS = 10

class GivenUp extends Error {
  constructor() {
    super(`given up after ${MOST_FAULTS} faults`)
  }
}

/** The chaos itself, run inside the namespace. */
async function main(request: Request): Promise<boolean> {
  const python = process.env.TERRARIUM_PYTHON ?? ''
  // Short: sockets are in here.
  const base = mkdtempSync(join(tmpdir(), 'ch '))
  try {
    const lacks = new Map<Containment, string | undefined>()
    for (const level of request.levels) lacks.set(level, await levelLack(level, python, join(base, 'probe')))
    if (request.check) {
      out(JSON.stringify(checked(request, lacks)))
      return true
    }
    const sum = await runTargets(request, lacks, python, base)
    out(formatTally(sum))
    return isClean(sum)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

const checked = ({ targets }: Request, lacks: ReadonlyMap<Containment, string | undefined>): Lacks => ({
  levels: Object.fromEntries(lacks),
  targets: Object.fromEntries(targets.map((target) => [target.name, target.lacks?.() ?? {}])),
})

async function runTargets(
  request: Request,
  lacks: ReadonlyMap<Containment, string | undefined>,
  python: string,
  base: string,
): Promise<Tally> {
  const { targets, levels, areLevelsNamed } = request
  let sum = NOTHING
  for (const [level, reason] of lacks) {
    if (reason === undefined) continue
    out(`${level}: ${areLevelsNamed ? 'missing' : 'skipped'}: ${reason}`)
    if (areLevelsNamed) sum = add(sum, { faults: 1 })
  }
  const available = levels.filter((level) => lacks.get(level) === undefined)
  for (const target of targets) {
    const { all, parts = {} } = target.lacks?.() ?? {}
    for (const [part, reason] of Object.entries(parts)) out(`  ${target.name}: skipped: ${part}: ${reason}`)
    if (all !== undefined || available.length === 0) {
      out(`  ${target.name}: nothing was tried, which proves nothing: ${all ?? 'no level is available'}`)
      sum = add(sum, { faults: 1 })
      continue
    }
    for (const level of target.byLevel ? available : available.slice(0, 1)) {
      sum = add(sum, await runTarget(target, level, request, python, base))
    }
  }
  return sum
}

async function runTarget(
  target: Target,
  level: Containment,
  { seed, rounds = target.rounds, only }: Request,
  python: string,
  base: string,
): Promise<Tally> {
  const name = target.byLevel ? `${target.name} ${level}` : target.name
  const again = (round: number): string =>
    `npm run chaos -- --seed ${seed} --target ${target.name} --level ${level} --only ${round}`
  const notes: string[] = []
  let tally = NOTHING
  let folders = 0
  const stream = Buffer.from(target.name).reduce((sum, byte) => sum * 31 + byte, 7)
  const context: Context = {
    level,
    rounds,
    python,
    signal: new AbortController().signal,
    async play(round) {
      const numbers = only === undefined ? Array.from({ length: rounds }, (_, index) => index) : [only]
      for (const number of numbers) {
        try {
          // The random choices of a round do not depend on earlier rounds.
          await round(number, new Random(seed, stream + number))
          context.count(number, { rounds: 1 })
        } catch (error) {
          tally = add(tally, { faults: 1 })
          out(`  ${name}: fault in round ${number}: ${(error as Error).message}\n    ${again(number)}`)
          if (tally.faults === MOST_FAULTS) throw new GivenUp()
        }
      }
    },
    folder: () => mkdtempSync(join(base, `ë${(folders += 1)} `)),
    count(round, news, about = '') {
      tally = add(tally, news)
      if (!isClean(add(NOTHING, news)))
        out(`  ${name}: ${formatTally(add(NOTHING, news))}  ${about}\n    ${again(round)}`)
      if (tally.rounds % 100 === 0 && (news.rounds ?? 0) > 0) log(`${name}: ${formatTally(tally)}`)
    },
    note: (text) => void notes.push(text),
  }
  const begun = performance.now()
  try {
    await target.run(context)
  } catch (error) {
    if (!(error instanceof GivenUp)) tally = add(tally, { faults: 1 })
    out(`  ${name}: ${(error as Error).message}\n    seed ${seed}`)
  }
  if (tally.rounds === 0) {
    tally = add(tally, { faults: 1 })
    out(`  ${name}: no round was played to its end, which proves nothing\n    seed ${seed}`)
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  out([`${name}: ${formatTally(tally)}`, ...notes, `${seconds} s`].join('  ·  '))
  return tally
}

function out(line: string): void {
  process.stdout.write(`${line}\n`)
}

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

const request = parseRequest(process.argv.slice(2))
if (typeof request === 'string') throw new Error(request)
process.exit((await main(request)) ? 0 : 1)
