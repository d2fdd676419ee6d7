// What a run of the tests has left: processes that Terrarium has started in it and that are still alive after it. What
// a process is, is asked of the built @terrarium/process, so this works after a build only.
import { readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { commandOf, environmentOf, isAlive } from '../processes.mjs'
import { root } from '../setup/paths.mjs'

/** Every suite gets this variable, so that processes can be told to come from this run. */
export const TEST_RUN = 'TERRARIUM_TEST_RUN'

/** Whether this system can be scanned for leaks. */
export const canScan = process.platform === 'linux'

/** The identities of all processes with a spawn tag that are alive now. */
export const spawnedNow = async () => new Set((await spawned()).map(identityOf))

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
      .flatMap(({ pid }) => {
        const variable = (name) =>
          environmentOf(pid)
            ?.find((each) => each.startsWith(`${name}=`))
            ?.split('=')[1]
        const command = commandOf(pid)?.join(' ') ?? ''
        const ofRun = variable(TEST_RUN)
        const isStray = () => command.includes(root) && hasLostItsHost(pid, variable('TERRARIUM_HOST_PID'))
        return ofRun === run || (ofRun === undefined && isStray()) ? [{ pid, command, isOurs: ofRun === run }] : []
      })
    if (left.length === 0 || performance.now() > end) return left
  }
}

const identityOf = ({ pid, startTicks }) => `${pid}:${startTicks}`

async function spawned() {
  if (!canScan) return []
  const { findTagged } = await import('../../packages/process/dist/index.js')
  return findTagged()
}

const hasLostItsHost = (pid, host) =>
  host !== undefined && namespaceOf(pid) === namespaceOf('self') && !isAlive(Number(host))

function namespaceOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined // gone, or another user's
  }
}
