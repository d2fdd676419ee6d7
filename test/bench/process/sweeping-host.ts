import { openRuntime } from '@terrarium/process'

// The next host: it sweeps what dead ones have left, and says what it has found and how long that took.
const [stateDir = '', python = ''] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(1)).resume()

const begun = performance.now()
const runtime = await openRuntime({ python, stateDir })
const opened = performance.now()
const report = await runtime.swept
const swept = performance.now()
const { left } = await runtime.close()
const said = { ...report, after: left, sweep: swept - opened, open: swept - begun }
process.stdout.write(`${JSON.stringify(said)}\n`, () => process.exit(0))
