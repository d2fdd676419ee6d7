import { openRuntime, type Containment } from '@terrarium/process'
import { isTerrariumError } from '@terrarium/supervisor'
import { pino } from 'pino'

/** Those of the levels that this machine has; why it lacks the others is said. */
export async function availableLevels(
  levels: readonly Containment[],
  python: string,
  stateDir: string,
  say: (line: string) => void,
): Promise<Containment[]> {
  const available: Containment[] = []
  for (const containment of levels) {
    try {
      const runtime = await openRuntime({ python, stateDir, containment, logger: pino({ level: 'silent' }) })
      await runtime.close()
      available.push(containment)
    } catch (error) {
      if (!isTerrariumError(error, 'CONFIGURATION')) throw error
      say(`skipped: ${error.message}`)
    }
  }
  return available
}
