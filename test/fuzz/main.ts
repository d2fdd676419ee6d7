// The command `npm run fuzz`.
import { fuzzHost } from './host-fuzz.ts'
import { parseRequest, USAGE } from './request.ts'
import { fuzzWorker } from './worker-fuzz.ts'

/** Runs the command. Returns its exit code: 1 if something was wrong, 2 for bad usage, 130 when interrupted. */
export async function main(argv: readonly string[]): Promise<number> {
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  if (argv.includes('--help')) {
    say(USAGE)
    return 0
  }
  const request = parseRequest(argv)
  if (typeof request === 'string') {
    process.stderr.write(`${request}\n${USAGE}\n`)
    return 2
  }
  const python = process.env.TERRARIUM_PYTHON ?? ''
  if (python === '') {
    process.stderr.write('TERRARIUM_PYTHON does not say which Python to use; `npm run fuzz` sets it.\n')
    return 2
  }
  const interruption = new AbortController()
  const interrupt = (): void => {
    interruption.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const { seed, count, parts, transports, only } = request
  const options = { seed, count, only, signal: interruption.signal, say }
  let faults = 0
  try {
    for (const transport of transports) {
      if (parts.includes('host')) faults += await fuzzHost(transport, options)
      if (parts.includes('worker')) faults += await fuzzWorker(transport, python, options)
    }
  } catch (error) {
    if (!interruption.signal.aborted) throw error
  }
  if (interruption.signal.aborted) return 130
  say(`fuzz: ${faults === 0 ? 'clean' : `${faults} faults`}`)
  return faults === 0 ? 0 : 1
}
