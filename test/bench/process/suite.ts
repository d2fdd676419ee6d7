// The suite `process`.
import type { Suite } from '../suite.ts'
import { measureBurst } from './burst.ts'
import { measureLives } from './life.ts'
import { measureMemory } from './memory.ts'
import { measurePacing } from './pacing.ts'
import { measureReservations } from './reservation.ts'
import { measureShepherdDeaths } from './shepherd-death.ts'
import { onStage } from './stage.ts'
import { measureSupervised } from './supervised.ts'
import { measureSweeps } from './sweep.ts'

/** Measures what it costs that no process outlives its host, beside plain spawn. */
export const process: Suite = {
  name: 'process',
  description: 'reservations, starts and ends of processes, sweep and shepherd beside plain spawn and a raw fdatasync',
  needsWorkers: true,
  run: (context) =>
    onStage(context, async (stage) => [
      ...(await measureReservations(stage)),
      ...(await measureLives(stage)),
      ...(await measureBurst(stage)),
      await measureSupervised(stage),
      await measurePacing(stage),
      await measureShepherdDeaths(stage),
      ...(await measureSweeps(stage)),
      ...(await measureMemory(stage)),
    ]),
}
