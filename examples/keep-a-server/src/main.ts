// The demonstration of `keep()`: a server that is killed and comes back.
import { fileURLToPath } from 'node:url'
import { findTagged, keep, readIdentity, type Kept } from '@terrarium/process'

const SERVER = fileURLToPath(new URL('../server.mjs', import.meta.url))

/**
 * Keeps a server, kills it, asks again, stops it. Resolves with the exit code: 0 when it came back and nothing is left.
 */
export async function main(): Promise<number> {
  const web = keep(process.execPath, [SERVER], { name: 'web', ready: /^listening on /, lines: true })
  const { run, isAnother } = await killAndStop(web)
  // Counted by scanning the system, not by asking Terrarium.
  const left = findTagged({ run }).length
  console.log(`stopped; processes left: ${left}`)
  return isAnother && left === 0 ? 0 : 1
}

async function killAndStop(web: Kept): ReturnType<typeof killOnce> {
  try {
    return await killOnce(web)
  } finally {
    await web.stop()
  }
}

/** Resolves to the run that the server belonged to, and to whether another process answered after the kill. */
async function killOnce(web: Kept): Promise<{ readonly run: string; readonly isAnother: boolean }> {
  let url = ''
  web.on('program.line', ({ line }) => {
    url = line.replace('listening on ', '')
  })
  const ask = async (): Promise<string> => {
    const who = (await (await fetch(url)).text()).trim()
    console.log(`${who} answers`)
    return who
  }
  await web.whenReady()
  const first = await ask()

  const { pid } = web
  const identity = pid === undefined ? undefined : readIdentity(pid)
  if (pid === undefined || identity === undefined) throw new Error('the server does not run')
  const again = new Promise((resolve) => web.on('child.ready', resolve))
  console.log(`killing process ${pid}`)
  process.kill(pid, 'SIGKILL')
  await again
  return { run: identity.run, isAnother: (await ask()) !== first }
}
