// The target `lock`: LevelDB without its lock.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readLog } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import { RuntimeSubject } from '../runtime-subject.ts'
import type { Target } from '../target.ts'
import { killAll } from '../world.ts'

/** Events that make LevelDB lose its lock, if they happen in the process that holds it. */
const LOSSES = ['none', 'a second open', 'a second open in a thread', 'reading LOCK'] as const

/** LevelDB loses its lock, and there is no second writer all the same. */
export const lock: Target = {
  name: 'lock',
  promise: 'there are never two writers of a log',
  rounds: 20 * LOSSES.length,
  byLevel: false,
  async run(context) {
    const level = levelModule()
    let lostLocks = 0
    await context.play(async (number) => {
      const loss = LOSSES[number % LOSSES.length] ?? 'none'
      const stateDir = context.folder()
      const host = new RuntimeSubject(context, stateDir)
      try {
        const { run } = await host.hear('open')
        const log = join(stateDir, 'runs', String(run), 'log')
        host.tell({ do: 'lose', how: loss, level, path: log })
        await host.hear('lost')
        const script = `import(${JSON.stringify(level)}).then(({ Level }) => new Level(process.argv[1]).open()).then(() => console.log('in'))`
        const bare = spawnSync(process.execPath, ['-e', script, log], { encoding: 'utf8' }).stdout === 'in\n'
        if (bare !== (loss !== 'none'))
          throw new Error(`after ${loss}, LevelDB lets ${bare ? 'another' : 'no other'} process in`)
        if (bare) lostLocks += 1
        const readers = [await attempt(log), attemptElsewhere(log)]
        const got = readers.filter((outcome) => outcome !== 'STATE_LOCKED')
        context.count(number, { duplicates: got.length }, `after ${loss}: ${readers.join(', ')}`)
      } finally {
        if (!host.isOver) killAll([host.pid])
        await host.exited
      }
    })
    context.note(`LevelDB had lost its lock ${lostLocks} times`)
  },
}

async function attempt(log: string): Promise<string> {
  try {
    await readLog(log)
    return 'got in'
  } catch (error) {
    return isTerrariumError(error) ? error.code : String(error)
  }
}

function attemptElsewhere(log: string): string {
  const module = import.meta.resolve('@terrarium/process')
  const script = `import(${JSON.stringify(module)}).then(({ readLog }) => readLog(process.argv[1])).then(() => console.log('got in'), ({ code }) => console.log(code))`
  return spawnSync(process.execPath, ['-e', script, log], { encoding: 'utf8' }).stdout.trim()
}

/** The LevelDB that the process package uses. */
function levelModule(): string {
  const require = createRequire(import.meta.resolve('@terrarium/process'))
  return pathToFileURL(require.resolve('level')).href
}
