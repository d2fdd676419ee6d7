import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { root } from '../setup/paths.mjs'

/** Every suite gets this variable, so that processes can be told to come from this run. */
export const TEST_RUN = 'TERRARIUM_TEST_RUN'

/**
 * The processes that suites of this run left behind: they carry TERRARIUM_SPAWN, started after `before` was taken, and
 * come from this run. One that carries no run counts too when it was started from this checkout and names a host, in
 * our PID namespace, that is gone; it is not known for certain to be ours. The workers of other runs on this machine
 * are nobody's leak.
 *
 * @param {{ run: string, before: ReadonlySet<string>, deadline: number }} options deadline: ms to wait for none to be
 * left
 * @returns {Promise<{ pid: number, command: string, isOurs: boolean }[]>}
 */
export async function findLeaks({ run, before, deadline }) {
  const end = performance.now() + deadline
  for (;;) {
    const left = marked().filter(
      ({ pid, identity, env, command }) =>
        !before.has(identity) &&
        (env.has(TEST_RUN) ? env.get(TEST_RUN) === run : command.includes(root) && hasLostItsHost(pid, env)),
    )
    if (left.length === 0 || performance.now() > end) {
      return left.map(({ pid, command, env }) => ({ pid, command, isOurs: env.has(TEST_RUN) }))
    }
    await delay(100)
  }
}

/** The identities of all marked processes that are alive now. */
export const markedNow = () => new Set(marked().map(({ identity }) => identity))

/** Whether this system can be scanned for leaks. */
export const canScan = process.platform === 'linux'

function marked() {
  if (!canScan) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const env = environmentOf(name)
        if (!env.has('TERRARIUM_SPAWN')) return []
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim()
        return [{ pid: Number(name), identity: `${name}:${start}`, command, env }]
      } catch {
        return [] // gone, or another user's
      }
    })
}

function environmentOf(pid) {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
}

function hasLostItsHost(pid, env) {
  const host = env.get('TERRARIUM_HOST_PID')
  return host !== undefined && namespaceOf(pid) === namespaceOf('self') && !isAlive(host)
}

function namespaceOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined // gone, or another user's
  }
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
