// Two mailboxes have a spam filter each, which stays in Python between calls. One is lost with its worker, and says so.
import { fileURLToPath } from 'node:url'
import { createPool, isTerrariumError, type ToolSession } from '@terrarium/pool'

const TOOLS = fileURLToPath(new URL('../spam.py', import.meta.url))

const MAIL = 'win a prize at the game'

/** Resolves with the exit code: 0 when each mailbox has its own answer, and the lost one was told of its loss. */
export async function main(): Promise<number> {
  const pool = createPool({ name: 'filters', tools: TOOLS, size: 2, output: 'ignore' })
  await pool.start()

  // The filters are learned, and not on disk: another worker would know nothing, so both sessions are strict.
  const ada = pool.session('ada', { affinity: 'strict_queue' })
  const bob = pool.session('bob', { affinity: 'strict_queue' })
  await Promise.all([teachAda(ada), teachBob(bob)])
  const answers = await Promise.all([ada, bob].map((mailbox) => isSpam(mailbox)))
  console.log(`"${MAIL}" is spam for ada: ${answers[0]}, for bob: ${answers[1]}`)
  console.log(`sessions: ${pool.stats.sessions}`)

  // The worker ends itself: `os.getpid()` of a worker may be a number of its own PID namespace, and none to kill by.
  await ada.call('crash').catch(() => undefined)
  const error: unknown = await isSpam(ada).catch((caught: unknown) => caught)
  const isLost = isTerrariumError(error, 'SESSION_LOST')
  console.log(
    `the worker of ada has crashed: ${isLost ? `${error.code}, ${String(error.details.reason)}` : 'not noticed'}`,
  )
  console.log(`bob goes on: ${await isSpam(bob)}`)

  ada.restart()
  console.log(`ada begins anew, with ${await teachAda(ada)} mails: ${await isSpam(ada)}`)

  await Promise.all([ada.close(), bob.close()])
  console.log(`sessions: ${pool.stats.sessions}`)
  const { processesLeft } = await pool.stop()
  console.log(`stopped; processes left: ${processesLeft}`)
  return isLost && answers.join() === 'true,false' && processesLeft === 0 ? 0 : 1
}

const isSpam = (mailbox: ToolSession): Promise<boolean> => mailbox.call<boolean>('is_spam', { text: MAIL })

async function teachAda(mailbox: ToolSession): Promise<number> {
  await mailbox.call('learn', { mails: ['lunch at noon', 'the report is late', 'see you at the office'], spam: false })
  return mailbox.call<number>('learn', { mails: ['win a prize', 'a prize for you', 'win money at a game'], spam: true })
}

/** Bob organises a lottery. */
async function teachBob(mailbox: ToolSession): Promise<number> {
  await mailbox.call('learn', { mails: ['the prize is a bike', 'who may win', 'game at nine'], spam: false })
  return mailbox.call<number>('learn', { mails: ['cheap pills', 'buy pills now', 'a loan for you'], spam: true })
}
