// The list of all stages of the wire suite.
import { costsStage } from './costs-stage.ts'
import { cpuStage } from './cpu-stage.ts'
import { delayStage } from './delay-stage.ts'
import { echoStages } from './echo-stages.ts'
import type { Stage } from './stage.ts'
import { startStage } from './start-stage.ts'
import { verbStage } from './verb-stage.ts'

export const stages: readonly Stage[] = [...echoStages, startStage, cpuStage, costsStage, delayStage, verbStage]
