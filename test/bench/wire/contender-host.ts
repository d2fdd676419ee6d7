// The process of one contender of the wire suite: opens it, measures it when it is asked to, and closes it. It does the
// same when its parent is gone.
import { messageOf } from '@terrarium/supervisor/base'
import { formed, runRound } from '../measure.ts'
import { openContender } from './contenders.ts'
import type { ContenderRequest, Reply, Task } from './contender-process.ts'
import type { OpenContender } from './open-contender.ts'
import { payloadsOf } from './payloads.ts'

const request = JSON.parse(process.argv[2] ?? '{}') as ContenderRequest
const end = new AbortController()
/** What is being done now. */
let present: Promise<unknown> = Promise.resolve()
let closing: Promise<void> | undefined

process.on('disconnect', () => {
  closing ??= close()
  const exit = (): void => {
    process.exit() // a contender may have left a timer
  }
  closing.then(exit, exit)
})

const opening = openContender(request.contender, request)
opening.then(
  (contender) => {
    reply({ opened: contender?.name ?? null })
  },
  (error: unknown) => {
    reply({ failed: messageOf(error) })
  },
)
process.on('message', (task: Task) => {
  const done = answer(task)
  if (task.task !== 'close') present = done
})

function reply(said: Reply): void {
  if (process.connected) process.send?.(said)
}

async function answer(task: Task): Promise<void> {
  if (task.task === 'close') {
    closing ??= close()
    closing.then(
      () => {
        reply({ closed: null })
      },
      (error: unknown) => {
        reply({ closed: messageOf(error) })
      },
    )
    return
  }
  try {
    const contender = await opening
    if (contender === undefined) throw new Error('the contender is not open')
    reply({ measured: await measured(contender, task) })
  } catch (error) {
    reply({ failed: messageOf(error) })
  }
}

async function close(): Promise<void> {
  end.abort()
  await present
  await (await opening.catch(() => undefined))?.close()
}

/** Of the last row, ready to be sent. */
let payloads: { readonly bytes: number; readonly all: ReturnType<typeof formed> } = { bytes: 0, all: [] }

function measured(contender: OpenContender, task: Exclude<Task, { readonly task: 'close' }>) {
  if (task.task === 'processorTime') return processorTime(contender, task)
  const { bytes, inFlight, duration } = task
  if (payloads.bytes !== bytes) payloads = { bytes, all: formed(payloadsOf(request.seed, bytes), contender.form) }
  const options = { inFlight, duration, signal: end.signal }
  return contender.measure?.(payloads.all, options) ?? runRound(contender, payloads.all, options)
}

const PAYLOAD = Buffer.alloc(100, 'a')

async function processorTime(
  { echo }: OpenContender,
  { inFlight, duration }: { readonly inFlight: number; readonly duration: number },
): Promise<number> {
  let calls = 0
  const begun = process.cpuUsage()
  const until = performance.now() + duration
  const caller = async (): Promise<void> => {
    do {
      end.signal.throwIfAborted()
      await echo(PAYLOAD as never)
      calls += 1
    } while (performance.now() < until)
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / calls
}
