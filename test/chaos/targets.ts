import type { Target } from './target.ts'
import { grandchildren } from './targets/grandchildren.ts'
import { guards } from './targets/guards.ts'
import { kills } from './targets/kills.ts'

export const TARGETS: readonly Target[] = [kills, guards, grandchildren]
