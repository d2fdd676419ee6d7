import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Containment } from '@terrarium/process'
import { Random } from '../support/random.ts'
import { availableLevels } from './levels.ts'
import { parseRequest, type Request } from './request.ts'
import { add, formatTally, isClean, NOTHING, type Tally } from './tally.ts'
import type { Context, Target } from './target.ts'

/** After so many a target is given up. */
const MOST_FAULTS = 10

/** The chaos itself, in its namespace. */
async function main(request: Request): Promise<boolean> {
  const python = process.env.TERRARIUM_PYTHON ?? ''
  // Short: sockets are in here.
  const base = mkdtempSync(join(tmpdir(), 'ch '))
  const levels = await availableLevels(request.levels, python, join(base, 'probe'), out)
  let sum = NOTHING
  let isWell = true
  try {
    for (const target of request.targets) {
      for (const level of target.byLevel ? levels : levels.slice(0, 1)) {
        const { tally, faults } = await runTarget(target, level, request, python, base)
        sum = add(sum, tally)
        isWell &&= faults === 0 && isClean(tally)
      }
    }
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
  out(formatTally(sum))
  return isWell
}

async function runTarget(
  target: Target,
  level: Containment,
  { seed, rounds = target.rounds, only }: Request,
  python: string,
  base: string,
): Promise<{ tally: Tally; faults: number }> {
  const name = target.byLevel ? `${target.name} ${level}` : target.name
  const again = (round: number): string =>
    `npm run chaos -- --seed ${seed} --target ${target.name} --level ${level} --only ${round}`
  const notes: string[] = []
  let tally = NOTHING
  let faults = 0
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
          // Its choices do not depend on those of the rounds before.
          await round(number, new Random(seed, stream + number))
          context.count(number, { rounds: 1 })
        } catch (error) {
          faults += 1
          out(`  ${name}: fault in round ${number}: ${(error as Error).message}\n    ${again(number)}`)
          if (faults === MOST_FAULTS) throw new Error(`given up after ${faults} faults`, { cause: error })
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
    skip(reason) {
      out(`  ${name}: skipped: ${reason}`)
    },
  }
  const begun = performance.now()
  try {
    await target.run(context)
  } catch (error) {
    faults += 1
    out(`  ${name}: ${(error as Error).message}\n    seed ${seed}`)
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  out([`${name}: ${formatTally(tally)}`, ...notes, `${seconds} s`].join('  ·  '))
  return { tally, faults }
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
