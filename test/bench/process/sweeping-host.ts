// A host for the bench row of the sweep.
import { openRuntime } from '@terrarium/process'

// The next host. It sweeps what dead hosts have left, and prints what it found and how long that took.
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
