// `terrarium list`: the tools of a file or module, with their signatures, as a worker offers them.
import { createPool } from '@terrarium/pool'
import { pino } from 'pino'
import { fileURLToPath } from 'node:url'
import { colours, writeJson } from '../terminal/output.ts'

export interface ListOptions {
  readonly json?: boolean
  readonly python?: string
}

/** A tool, as `list.py` describes it. */
interface Described {
  readonly name: string
  /** For example `(text: str) -> dict[str, int]`. */
  readonly signature: string
  readonly async: boolean
  /** Whether the tool is a generator, which `stream()` reads. */
  readonly stream: boolean
  /** The first line of its docstring, or empty. */
  readonly summary: string
}

/** The tool of `list.py`, which is not listed. */
const LISTING = 'terrarium_list_tools'

/** Runs `terrarium list`. Resolves with the exit code. */
export async function list(tools: string, options: ListOptions, signal: AbortSignal): Promise<number> {
  const { json = false, python } = options
  const pool = createPool({
    name: 'list',
    tools: [tools, fileURLToPath(new URL('../../python/list.py', import.meta.url))],
    logger: pino({ level: 'silent' }), // every failure rejects
    output: 'ignore',
    ...(python ? { python } : {}),
  })
  signal.addEventListener('abort', () => void pool.stop(), { once: true })
  try {
    await pool.start()
    const found = (await pool.call<readonly Described[]>(LISTING, {}, { signal })).filter(
      ({ name }) => name !== LISTING,
    )
    if (json) writeJson({ tools: found })
    else process.stdout.write(found.map(lineOf).join(''))
  } finally {
    await pool.stop()
  }
  return 0
}

function lineOf({ name, signature, async: isAsync, stream, summary }: Described): string {
  const { bold, dim } = colours()
  const line = `${isAsync ? 'async ' : ''}${stream ? 'stream ' : ''}${bold(name)}${signature}`
  return `${summary === '' ? line : `${line}  ${dim(`# ${summary}`)}`}\n`
}
