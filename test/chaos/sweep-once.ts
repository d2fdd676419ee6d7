// A host that only sweeps.
import { writeSync } from 'node:fs'
import { openRuntime } from '@terrarium/process'

// The next host. It sweeps what dead hosts have left, prints what it found, and ends.
const [stateDir = '', python = ''] = process.argv.slice(2)
const runtime = await openRuntime({ python, stateDir })
const report = await runtime.swept
const { left, unreleased } = await runtime.close()
writeSync(1, `${JSON.stringify({ is: 'swept', ...report, after: left, unreleased })}\n`)
