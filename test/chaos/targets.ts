// The list of all chaos targets.
import type { Target } from './target.ts'
import { begun } from './targets/begun.ts'
import { bursts } from './targets/bursts.ts'
import { frozen } from './targets/frozen.ts'
import { grandchildren } from './targets/grandchildren.ts'
import { guards } from './targets/guards.ts'
import { imports } from './targets/imports.ts'
import { kills } from './targets/kills.ts'
import { leaks } from './targets/leaks.ts'
import { lock } from './targets/lock.ts'
import { log } from './targets/log.ts'
import { reaper } from './targets/reaper.ts'
import { reservations } from './targets/reservations.ts'
import { resources } from './targets/resources.ts'
import { reuse } from './targets/reuse.ts'
import { selfTest } from './targets/self-test.ts'

export const TARGETS: readonly Target[] = [
  kills,
  bursts,
  guards,
  grandchildren,
  reuse,
  reaper,
  reservations,
  log,
  lock,
  leaks,
  resources,
  frozen,
  imports,
  begun,
  selfTest,
]
