// The containment levels that this machine has.
import { openRuntime, type Containment } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import { pino } from 'pino'

export const LEVELS: readonly Containment[] = ['pidns', 'cgroup', 'shepherd']

/** Why this machine lacks a level; undefined when it has it. */
export async function levelLack(
  containment: Containment,
  python: string,
  stateDir: string,
): Promise<string | undefined> {
  try {
    const runtime = await openRuntime({ python, stateDir, containment, logger: pino({ level: 'silent' }) })
    await runtime.close()
    return undefined
  } catch (error) {
    if (!isTerrariumError(error, 'CONFIGURATION')) throw error
    return error.message
  }
}
