// What all rows of the process suite are measured with: folders, and one runtime for each containment level.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openRuntime, type Containment, type Runtime } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import type { BenchContext } from '../suite.ts'

/** A runtime, and what holds its processes together. */
export interface Level {
  readonly level: Containment
  readonly runtime: Runtime
}

/** What all rows of the suite are measured with. */
export interface Stage extends BenchContext {
  /** A folder on a disk, for all files of the suite. */
  readonly folder: string
  /** The level that a host gets by default. */
  readonly standard: Level
  /** The other levels that this machine has. */
  readonly others: readonly Level[]
}

const LEVELS: readonly Containment[] = ['pidns', 'cgroup', 'shepherd']
/** Types of file systems in memory, where a sync costs nothing. */
const IN_MEMORY = [0x01021994, 0x858458f6]

/** Opens a runtime of each level, has them measured, and closes them. Rejects when anything is left of them. */
export async function onStage<T>(context: BenchContext, measure: (stage: Stage) => Promise<T>): Promise<T> {
  const folder = await diskFolder()
  const levels: Level[] = []
  try {
    const { stdout } = await promisify(execFile)(context.python, ['-c', 'import sys; print(sys.executable)'])
    const python = stdout.trim()
    const open = async (containment?: Containment): Promise<void> => {
      context.signal.throwIfAborted()
      const options = containment === undefined ? {} : { containment }
      const runtime = await openRuntime({ python, stateDir: join(folder, 'state'), ...options })
      const { level } = await runtime.containment()
      levels.push({ level, runtime })
      await runtime.swept
    }
    await open()
    const [standard] = levels
    if (standard === undefined) throw new Error('no runtime has been opened')
    for (const level of LEVELS) {
      if (level === standard.level) continue
      await open(level).catch((error: unknown) => {
        if (!isTerrariumError(error, 'CONFIGURATION')) throw error
        context.log(`not measured: ${error.message}`)
      })
    }
    return await measure({ ...context, python, folder, standard, others: levels.slice(1) })
  } finally {
    await close(levels, folder)
  }
}

async function close(levels: readonly Level[], folder: string): Promise<void> {
  const reports = await Promise.all(levels.map(({ runtime }) => runtime.close()))
  await rm(folder, { recursive: true })
  const left = reports.flatMap((report) => report.left.map(({ pid }) => pid))
  if (left.length > 0) throw new Error(`processes are left behind: ${left.join(', ')}`)
}

async function diskFolder(): Promise<string> {
  for (const base of [tmpdir(), '/var/tmp', homedir()]) {
    const system = await statfs(base).catch(() => undefined)
    if (system !== undefined && !IN_MEMORY.includes(system.type)) return mkdtemp(join(base, 'terrarium-bench-'))
  }
  throw new Error('there is no folder on a disk here: set TMPDIR to one')
}
