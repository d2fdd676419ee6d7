// The command `npm run soak`.
import { parseRequest, USAGE } from './request.ts'
import { soak } from './soak.ts'

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
    process.stderr.write('TERRARIUM_PYTHON does not say which Python to use; `npm run soak` sets it.\n')
    return 2
  }
  const interruption = new AbortController()
  const interrupt = (): void => {
    interruption.abort()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const { minutes, seed, transports } = request
  let count = 0
  for (const transport of transports) {
    say(`soak over ${transport}: ${minutes} minutes, seed ${seed}`)
    const wrong = await soak({ minutes, seed, transport, python, signal: interruption.signal, say })
    for (const each of wrong) say(`  WRONG ${each}`)
    count += wrong.length
    if (interruption.signal.aborted) return 130
  }
  say(`soak: ${count === 0 ? 'clean' : `${count} faults`}`)
  return count === 0 ? 0 : 1
}
