// A service as a user would write it: begins a call when it has started, and drains when it is told to end. It writes what happens to a journal, line by line, because the tool that starts it keeps its output.
import { appendFileSync, writeFileSync } from 'node:fs'
import { createPool } from '@terrarium/pool'

const { JOURNAL, TOOLS } = process.env
const mark = `${JOURNAL}.${process.pid}`
const note = (event) => appendFileSync(JOURNAL, `${JSON.stringify({ pid: process.pid, ...event })}\n`)

const pool = createPool({ name: 'service', tools: TOOLS, size: 2 })
await pool.start()
const answer = pool.call('touch_when', { begun: mark, go: `${mark}.go` }).then(
  (value) => note({ value }),
  ({ code, message }) => note({ failed: code, message }),
)

let isDraining = false
const drain = async (signal) => {
  if (isDraining) return
  isDraining = true
  note({ signal })
  // The call goes on for a while, and not for ever.
  setTimeout(() => writeFileSync(`${mark}.go`, ''), 500)
  const { processesLeft } = await pool.stop()
  await answer
  note({ processesLeft, crashes: pool.stats.crashes })
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2']) process.on(signal, () => void drain(signal))
process.send?.('ready')
note({ is: 'ready' })
setInterval(() => undefined, 1_000)
