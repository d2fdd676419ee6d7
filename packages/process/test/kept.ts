// What tests of `keep` share: shell scripts that are kept, and their events.
import { keep, type KeepOptions, type Kept, type KeptEvents, type Runtime } from '@terrarium/process'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { onEnd, open } from './support.ts'

/** A script that runs until it is told to end. Its descriptor 0 is no terminal and no open pipe. */
export const STAYS = 'echo up; exec sleep 60'

/** Keeps a script, on this runtime or on a new one. */
export async function keepShell(
  script: string,
  options: KeepOptions = {},
): Promise<Kept & { readonly runtime: Runtime }> {
  const runtime = options.runtime ?? (await open())
  const kept = keep('sh', ['-c', script], { logger: silent, ...options, runtime })
  onEnd(() => kept.stop())
  return Object.assign(kept, { runtime })
}

export function next<E extends keyof KeptEvents>(kept: Kept, event: E): Promise<Parameters<KeptEvents[E]>[0]> {
  return new Promise((resolve) => {
    const listener = ((told: Parameters<KeptEvents[E]>[0]) => {
      kept.off(event, listener)
      resolve(told)
    }) as KeptEvents[E]
    kept.on(event, listener)
  })
}

export const pidOf = ({ pid }: Kept): number => {
  if (pid === undefined || !isAlive(pid)) throw new Error(`no living process: ${pid}`)
  return pid
}
