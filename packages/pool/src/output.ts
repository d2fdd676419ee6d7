// Where the lines go that tools print.
import { Console } from 'node:console'
import { logOutput, type WorkerOutput } from '@terrarium/worker'
import type { AnyLogger } from '@terrarium/process'
import type { PoolOptions } from './options.ts'

/** Where what the tools print goes: see {@link PoolOptions.output}. */
export function outputTo(
  where: NonNullable<PoolOptions['output']>,
  logger: AnyLogger,
): ((output: WorkerOutput) => void) | undefined {
  switch (where) {
    case 'stderr':
      return toStderr()
    case 'log':
      return logOutput(logger)
    case 'ignore':
      return undefined
  }
}

/** Lines as `[text/worker-1] hello`. The lines of one moment are one write. */
function toStderr(): (output: WorkerOutput) => void {
  // A console of Node's own: without a reader it writes into the void, where the stream itself would end this process.
  const console = new Console(process.stderr, process.stderr, true)
  let lines: string[] = []
  const write = (): void => {
    console.error(lines.join('\n'))
    lines = []
  }
  return ({ worker, line }) => {
    if (lines.push(`[${worker}] ${line}`) === 1) queueMicrotask(write)
  }
}
