// Starts the service, plays clients that ask for too much, that leave, and that are surprised by SIGTERM.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createPool, type Pool } from '@terrarium/pool'
import { findTagged, readIdentity } from '@terrarium/process'
import { service } from './service.ts'

const TOOLS = fileURLToPath(new URL('../text.py', import.meta.url))

/** Resolves with the exit code: 0 when no process is left. */
export async function main(): Promise<number> {
  // Small, so that few clients are too many.
  const pool = createPool({ name: 'text', tools: TOOLS, size: 1, concurrency: 2, queueLimit: 2 })
  const app = service(pool)
  await pool.start()
  const { run = '' } = readIdentity(pool.workers[0]?.pid ?? 0) ?? {}
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const stopped = once(process, 'SIGTERM').then(() => app.close())

  await play(url, pool)
  const last = count(url, { text: 'still here', seconds: 0.5 })
  await until(() => pool.stats.inFlight === 1)
  process.kill(process.pid, 'SIGTERM')
  console.log(`under way at SIGTERM: ${await last}`)
  await stopped
  // By scanning the system, not by asking Terrarium.
  const left = findTagged({ run }).length
  console.log(`stopped; processes left: ${left}`)
  return left === 0 ? 0 : 1
}

async function play(url: string, pool: Pool): Promise<void> {
  const health = await fetch(`${url}/health`)
  console.log(`health: ${health.status} ${await health.text()}`)
  console.log(`one client: ${await count(url, { text: 'a b a' })}`)
  console.log(`a wrong request: ${await count(url, { txt: 'a' })}`)

  // Two run, two wait, and the others are to come back later.
  const many = Array.from({ length: 6 }, () => count(url, { text: 'a', seconds: 0.5 }))
  const answers = await Promise.all(many)
  const refused = answers.filter((answer) => answer.startsWith('503'))
  console.log(`six clients at once: ${answers.length - refused.length} answered, ${refused.length} refused`)
  console.log(`refused: ${refused[0]}`)

  const controller = new AbortController()
  const leaving = count(url, { text: 'a', seconds: 60 }, controller.signal).catch(() => 'has left')
  await until(() => pool.stats.inFlight === 1)
  controller.abort()
  await until(() => pool.stats.inFlight === 0)
  console.log(`a client ${await leaving}, and its call is cancelled`)
}

/** Asks the service, and says what it has answered. */
async function count(url: string, body: object, signal?: AbortSignal): Promise<string> {
  const response = await fetch(`${url}/count`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  })
  const later = response.headers.get('retry-after')
  return `${response.status}${later === null ? '' : `, retry after ${later} s`} ${await response.text()}`
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}
