import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blockedDuring } from './blocked.ts'
import { bareWorker } from './starter.ts'

// A host that has just come up and does as little as can be done for so many workers at once: somebody else starts them, and it
// accepts their connections, three each, and reads their first bytes. It says for how long that has kept it from anything else.
const [folder = '', python = '', count = '1'] = process.argv.slice(2)
const CONNECTIONS = 3
process.stdin.on('end', () => process.exit(1)).resume()

const script = fileURLToPath(new URL('../../../bench/process/starting.py', import.meta.url))
const socket = join(folder, `${process.pid}.sock`)
let left = Number(count)
let finish: () => void = () => undefined
const written = new Promise<void>((resolve) => (finish = resolve))
const server = createServer((connection) => {
  connection.once('data', () => {
    left -= 1
    if (left === 0) finish()
  })
})
await once(server.listen(socket), 'listening')
const code = bareWorker(python).args.at(-1) ?? ''
const starter = spawn(python, ['-I', '-S', script, socket, count, String(CONNECTIONS), code], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
await once(starter.stdout, 'data')
const sample = await blockedDuring(async () => {
  starter.stdin.write('\n')
  await Promise.race([written, once(starter, 'exit')])
})
if (left > 0) throw new Error(`${left} workers have not written anything`)
starter.stdin.end()
await once(starter, 'exit')
process.stdout.write(`${JSON.stringify(sample)}\n`, () => process.exit(0))
