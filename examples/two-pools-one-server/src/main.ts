// Starts two pools and a server, asks the server, kills a worker, asks again, and stops everything.
import { poolOf } from '@terrarium/pool'
import { findTagged, readIdentity } from '@terrarium/process'
import { createApp, type App } from './app.ts'

/** Resolves with the exit code: 0 when each request was answered and no process is left. */
export async function main(): Promise<number> {
  const app = createApp()
  await app.start()
  const runs = ['words', 'primes'].map((name) => runOf(app, name as 'words' | 'primes'))
  const answers = await playAndStop(app)
  // By scanning the system, not by asking ourselves.
  const left = runs.flatMap((run) => findTagged({ run })).length
  console.log(`stopped; processes left: ${left}`)
  return answers.every((ok) => ok) && left === 0 ? 0 : 1
}

async function playAndStop(app: App): Promise<boolean[]> {
  try {
    return await play(app)
  } finally {
    await app.stop()
  }
}

async function play(app: App): Promise<boolean[]> {
  const url = app.child('server')?.getSnapshot().context.url ?? ''
  const ask = async (path: string): Promise<boolean> => {
    const response = await fetch(`${url}${path}`, { headers: { connection: 'close' } })
    console.log(`GET ${path} → ${response.status} ${await response.text()}`)
    return response.ok
  }
  const before = [await ask('/count?text=a+b+a'), await ask('/factors?n=84')]
  console.log(`killed ${poolOf(app.child('primes')).kill('worker-1')?.worker ?? 'no worker'} of primes`)
  // The call waits until another worker is ready; the other pool and the server do not notice.
  return [...before, await ask('/factors?n=97'), await ask('/count?text=still+here')]
}

/** The run that the workers of a pool belong to. */
function runOf(app: App, name: 'words' | 'primes'): string {
  const identity = readIdentity(poolOf(app.child(name)).workers[0]?.pid ?? 0)
  if (identity === undefined) throw new Error(`pool ${name} has no worker`)
  return identity.run
}
