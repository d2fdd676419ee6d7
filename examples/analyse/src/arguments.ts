// The command line of the main job.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { UsageError } from '@terrarium/cli'

export const HELP = `Analyses a tree of Python source with Python's ast, on supervised Python workers.

  npm start -- [DIR] [--workers N] [--no-chaos] [--watch] [--json]

  DIR           the tree; default: the standard library of the chosen interpreter
  --workers N   default: the number of cores
  --no-chaos    do not kill a worker half way
  --watch       serve a page that shows the workers, open it in a browser, and stay until Ctrl-C
  --json        progress and summary go to stderr, stdout is one JSON object with the figures
  --help
`

export interface Options {
  /** Default: the interpreter's standard library. */
  readonly directory: string | undefined
  readonly workers: number
  /** Whether a busy worker is killed half way. */
  readonly chaos: boolean
  /** Whether a page shows the pool, until the job is ended. */
  readonly watch: boolean
  readonly json: boolean
}

/** Throws a UsageError or an error of `parseArgs`. */
export function parseOptions(argv: readonly string[], cores: number = availableParallelism()): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: {
      workers: { type: 'string' },
      'no-chaos': { type: 'boolean' },
      watch: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
  if (values.help === true) return 'help'
  if (positionals.length > 1)
    throw new UsageError(`One directory at a time, not ${positionals.length}: ${positionals.join(' ')}`)
  const [directory] = positionals
  if (directory === '') throw new UsageError('The directory is an empty text.')
  return {
    directory,
    workers: values.workers === undefined ? Math.min(cores, MOST) : parseWorkers(values.workers),
    chaos: values['no-chaos'] !== true,
    watch: values.watch === true,
    json: values.json === true,
  }
}

/** The largest pool. */
const MOST = 1024

function parseWorkers(text: string): number {
  const workers = Number(text)
  if (/^\d+$/.test(text) && workers >= 1 && workers <= MOST) return workers
  throw new UsageError(`--workers must be a whole number from 1 to ${MOST}, not ${text}`)
}
