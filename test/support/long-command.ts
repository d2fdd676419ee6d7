// What the long commands `npm run fuzz` and `npm run soak` have in common: usage, the interpreter, interruption, and
// the exit code.

export interface LongCommand<TRequest> {
  readonly name: 'fuzz' | 'soak'
  readonly usage: string
  /** The request, or why the arguments are wrong. */
  readonly parse: (argv: readonly string[]) => TRequest | string
  /** Returns the number of faults. */
  readonly run: (request: TRequest, tools: LongCommandTools) => Promise<number>
}

export interface LongCommandTools {
  readonly python: string
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/** Runs the command. Returns its exit code: 1 if something was wrong, 2 for bad usage, 130 when interrupted. */
export async function runLongCommand<TRequest extends object>(
  { name, usage, parse, run }: LongCommand<TRequest>,
  argv: readonly string[],
): Promise<number> {
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  if (argv.includes('--help')) {
    say(usage)
    return 0
  }
  const request = parse(argv)
  if (typeof request === 'string') {
    process.stderr.write(`${request}\n${usage}\n`)
    return 2
  }
  const python = process.env.TERRARIUM_PYTHON ?? ''
  if (python === '') {
    process.stderr.write(`TERRARIUM_PYTHON does not say which Python to use; \`npm run ${name}\` sets it.\n`)
    return 2
  }
  const interruption = new AbortController()
  const { signal } = interruption
  const interrupt = (): void => {
    interruption.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  let faults = 0
  try {
    faults = await run(request, { python, signal, say })
  } catch (error) {
    if (!signal.aborted) throw error
  }
  if (signal.aborted) return 130
  say(`${name}: ${faults === 0 ? 'clean' : `${faults} faults`}`)
  return faults === 0 ? 0 : 1
}
