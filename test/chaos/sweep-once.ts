import { writeSync } from 'node:fs'
import { openRuntime } from '@terrarium/process'

// The next host: it sweeps what dead ones have left, says what it found, and ends.
const [stateDir = '', python = ''] = process.argv.slice(2)
const runtime = await openRuntime({ python, stateDir })
const report = await runtime.swept
const { left, unreleased } = await runtime.close()
writeSync(1, `${JSON.stringify({ is: 'swept', ...report, after: left, unreleased })}\n`)
