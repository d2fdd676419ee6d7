// Bench rows of one process: its start and its exit.
import { figure, type Figure } from '../figure.ts'
import type { Level, Stage } from './stage.ts'
import { bareWorker, plainSpawn, throughShepherd, type Program, type Starter } from './starter.ts'
import { inTurns, type Sample, type Taken } from './turns.ts'

const MOST = { start: 1.3, kill: 5 }

/**
 * Measures the time from the call that starts a process to its first byte, and from its SIGKILL to its exit event, one
 * process at a time.
 */
export async function measureLives(stage: Stage): Promise<Figure[]> {
  const { standard, others, python, quick, signal, log } = stage
  const levels = [standard, ...others]
  log(
    `processes from start to end, one at a time: plain spawn, ${levels.map(({ level }) => level).join(', ')} in turns`,
  )
  const rounds = quick ? 3 : 101
  const starters = [plainSpawn, ...levels.map(({ runtime }) => throughShepherd(runtime))]
  const workers = await inTurns(
    starters.map((start) => () => live(start, bareWorker(python))),
    { rounds, signal },
  )
  const echoes = await inTurns(
    [plainSpawn, throughShepherd(standard.runtime)].map(
      (start) => () => begin(start, { command: 'echo', args: ['x'] }),
    ),
    { rounds, signal },
  )
  return [
    ...levels.map((level, index) => startFigure('Python', level, workers, index + 1, level === standard)),
    startFigure('echo', standard, echoes, 1, false),
    ...levels.flatMap((level, index) => killFigure(level, workers, index + 1, level === standard)),
  ]
}

async function begin(start: Starter, program: Program): Promise<Sample<'start'>> {
  const begun = performance.now()
  const started = await start(program)
  const ms = performance.now() - begun
  await started.end()
  return { start: ms }
}

async function live(start: Starter, program: Program): Promise<Sample<'start' | 'kill'>> {
  const begun = performance.now()
  const started = await start(program)
  const running = performance.now()
  process.kill(started.pid, 'SIGKILL')
  await started.exited
  const gone = performance.now()
  await started.end()
  return { start: running - begun, kill: gone - running }
}

function startFigure(
  program: string,
  { level }: Level,
  taken: readonly Taken<'start'>[],
  index: number,
  isStandard: boolean,
): Figure {
  return figure({
    name: `start ${program} to its first byte, ${level}`,
    value: taken[index]?.median.start ?? NaN,
    unit: 'ms',
    against: { name: 'plain spawn', value: taken[0]?.median.start ?? NaN },
    target: isStandard ? { atMost: MOST.start } : null,
  })
}

function killFigure(
  { level }: Level,
  taken: readonly Taken<'start' | 'kill'>[],
  index: number,
  isStandard: boolean,
): Figure[] {
  const name = `SIGKILL to exited, p50, ${level}`
  const value = taken[index]?.median.kill ?? NaN
  const against = { name: 'plain spawn', value: taken[0]?.median.kill ?? NaN }
  return [
    figure({ name, value, unit: 'ms', target: isStandard ? { atMost: MOST.kill } : null }),
    ...(isStandard ? [figure({ name, value, unit: 'ms', against })] : []),
  ]
}
