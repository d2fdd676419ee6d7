// What a run of the tests has left: processes that Terrarium has started in it and that are still alive after it. What
// a process is, is asked of the built @terrarium/process, so this works after a build only.
import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { root } from '../setup/paths.mjs'
import { commandOf, environmentOf, isAlive } from '../setup/processes.mjs'

/** Every suite gets this variable, so that processes can be told to come from this run. */
export const TEST_RUN = 'TERRARIUM_TEST_RUN'

/** Whether this system can be scanned for leaks. */
export const canScan = process.platform === 'linux'

/** The identities of all processes with a spawn tag that are alive now. */
export async function spawnedNow() {
  return new Set((await spawned()).map(identityOf))
}

/**
 * The processes that suites of this run left behind: they have a spawn tag, started after `before` was taken, and come
 * from this run. A process of no run counts too when it was started from this checkout and names a host, in our PID
 * namespace, that is gone; it is not known for certain to be ours. The workers of other runs on this machine do not
 * count.
 *
 * @param {{ run: string, before: ReadonlySet<string>, deadline: number }} options deadline: ms to wait for none to be
 * left
 * @returns {Promise<{ pid: number, command: string, isOurs: boolean }[]>}
 */
export async function findLeaks({ run, before, deadline }) {
  for (const end = performance.now() + deadline; ; await delay(100)) {
    const left = (await spawned())
      .filter((identity) => !before.has(identityOf(identity)))
      .map(({ pid }) => ({ pid, env: environmentOf(pid), command: commandOf(pid)?.join(' ') ?? '' }))
      .filter(({ env }) => env !== undefined)
      .filter(({ pid, env, command }) =>
        env.has(TEST_RUN) ? env.get(TEST_RUN) === run : command.includes(root) && hasLostItsHost(pid, env),
      )
    if (left.length === 0 || performance.now() > end) {
      return left.map(({ pid, env, command }) => ({ pid, command, isOurs: env.has(TEST_RUN) }))
    }
  }
}

const identityOf = ({ pid, startTicks }) => `${pid}:${startTicks}`

async function spawned() {
  if (!canScan) return []
  const { findTagged } = await import(pathToFileURL(join(root, 'packages/process/dist/index.js')).href)
  return findTagged()
}

function hasLostItsHost(pid, env) {
  const host = env.get('TERRARIUM_HOST_PID')
  return host !== undefined && namespaceOf(pid) === namespaceOf('self') && !isAlive(Number(host))
}

function namespaceOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined // gone, or another user's
  }
}
