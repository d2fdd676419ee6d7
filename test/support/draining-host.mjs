// A host that drains when it is signalled, as services do: starts a pool, and a kept program if one is given, makes one
// call, and prints what happens in lines of JSON.
import { createPool } from '@terrarium/pool'
import { keep } from '@terrarium/process'

const { options, call, signals = ['SIGTERM'], program } = JSON.parse(process.argv[2])
const say = (news) => process.stdout.write(`${JSON.stringify(news)}\n`)
const explain = ({ code, message }) => ({ code, message })

const pool = createPool(options)
await pool.start()
const kept =
  program === undefined ? undefined : keep('sh', ['-c', program], { ready: /^up$/, stateDir: options.stateDir })
let starts = 0
kept?.on('program.start', () => (starts += 1))
await kept?.whenReady()

const [tool, args] = call
const answer = pool.call(tool, args).then(
  (value) => say({ value }),
  (error) => say({ failed: explain(error) }),
)

const drain = async () => {
  say({ signalled: true })
  const { processesLeft } = await pool.stop()
  await answer
  await kept?.stop()
  say({ processesLeft, crashes: pool.stats.crashes, starts })
}
for (const signal of signals) process.once(signal, () => drain().catch((error) => say({ failed: explain(error) })))
// Last: a test may signal this process as soon as it has read this.
say({ pid: process.pid, workers: pool.workers.map(({ pid }) => pid), program: kept?.pid })
