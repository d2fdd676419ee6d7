import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all garbage, now. The suite runs in the process of its command, which knows of no flags. */
export const collectGarbage = runInNewContext('gc') as () => void
