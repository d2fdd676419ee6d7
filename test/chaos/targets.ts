import type { Target } from './target.ts'
import { kills } from './targets/kills.ts'

export const TARGETS: readonly Target[] = [kills]
