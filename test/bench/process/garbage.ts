// Garbage collection on demand.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all garbage now. The suite runs in the process of its command, which was started without --expose-gc. */
export const collectGarbage = runInNewContext('gc') as () => void
