// The list of all suites.
import { cli } from './cli/suite.ts'
import { inspector } from './inspector/suite.ts'
import { observing } from './observe/suite.ts'
import { process } from './process/suite.ts'
import type { Suite } from './suite.ts'
import { supervisor } from './supervisor/suite.ts'
import { wire } from './wire/suite.ts'

/** Every suite there is. */
export const suites: readonly Suite[] = [wire, supervisor, process, cli, observing, inspector]
