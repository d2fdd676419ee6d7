// A host for the bench rows of bursts.
import { join } from 'node:path'
import { openRuntime } from '@terrarium/process'
import { startAll } from './burst.ts'
import { bareWorker, throughShepherd } from './starter.ts'

// A new host that starts so many workers at once, with code that has never run before. It prints how long that blocked
// it, in ms.
const [folder = '', python = '', count = '1'] = process.argv.slice(2)
process.stdin.on('end', () => process.exit(1)).resume()

const runtime = await openRuntime({ python, stateDir: join(folder, 'state') })
await runtime.containment()
await runtime.swept
const sample = await startAll(throughShepherd(runtime), bareWorker(python), Number(count))
const { left } = await runtime.close()
process.stdout.write(`${JSON.stringify({ ...sample, left: left.length })}\n`, () => process.exit(0))
