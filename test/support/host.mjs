// A host for tests that kill it: starts a pool from the builds, prints that it is ready, carries out orders, and waits. It ends with its standard input, so it does not outlive its test.
import { createPool } from '@terrarium/pool'

process.stdin.on('end', () => process.exit(1)).resume()
const { options, calls } = JSON.parse(process.argv[2])
const pool = createPool(options)
await pool.start()
for (const [tool, args] of calls) pool.call(tool, args).catch(() => undefined)
process.stdout.write(JSON.stringify(pool.workers.map(({ pid }) => pid)) + '\n')
setInterval(() => undefined, 1_000)
