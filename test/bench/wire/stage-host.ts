// The process that a stage of the wire suite runs in. It prints the rows as JSON, and ends early when its standard
// input does.
import { stages } from './stages.ts'
import type { StageRequest } from './stage.ts'

const request = JSON.parse(process.argv[2] ?? '{}') as StageRequest
const stage = stages.find(({ name }) => name === request.stage)
if (stage === undefined) throw new Error(`there is no stage ${request.stage}`)

const end = new AbortController()
process.stdin.on('end', () => {
  end.abort()
})
process.stdin.resume()
const log = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
const figures = await stage.run({ ...request, signal: end.signal, log })
process.stdout.write(JSON.stringify(figures), () => {
  process.exit() // a contender may have left a timer
})
