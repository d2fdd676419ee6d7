// What goes wrong in a set-up, as one message that says what to do. Known troubles are recognised by what commands
// print.
import { existsSync, statfsSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { root } from './paths.mjs'

/**
 * Something the person at the keyboard has to know: printed as it is, without a stack, and the command exits with 1.
 */
export class SetUpError extends Error {
  name = 'SetUpError'
}

const NO_SPACE = /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded|database or disk is full|os error 28\b/i
const NO_NETWORK = new RegExp(
  [
    'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETDOWN',
    'NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|NameResolutionError|Max retries exceeded',
    'Temporary failure in name resolution|Network is unreachable|Connection refused|dns error|error sending request',
    'CERT_|certificate verify failed|SSLError|self.signed certificate',
  ].join('|'),
  'i',
)
const NOT_WRITABLE =
  /EROFS|EACCES|EPERM|Read-only file system|Permission denied|Operation not permitted|os error (1|13|30)\b/i
const NO_WHEEL = /No matching distribution found for (\S+)/
const LOCK_OUT_OF_DATE = /ERR_PNPM_OUTDATED_LOCKFILE|ERR_PNPM_LOCKFILE_CONFIG_MISMATCH|ERR_PNPM_NO_LOCKFILE/

const AGAIN = 'and run the same command again; what is done already is kept.'

/**
 * The one message for what went wrong in a step, from what its command printed or from the error that was thrown;
 * undefined when it is none of the known troubles.
 *
 * @param {string} text
 * @param {{ registry?: 'npm' | 'pip', python?: { version: string, executable: string } }} [context]
 */
export function diagnose(text, context = {}) {
  if (NO_SPACE.test(text)) {
    return `The disk is full${fullDisks()}. A set-up needs about 1 GB. Free some space ${AGAIN}`
  }
  if (context.registry !== undefined && NO_NETWORK.test(text)) {
    const [name, settings] =
      context.registry === 'npm'
        ? ['The npm registry', 'npm config get registry, HTTPS_PROXY, NODE_EXTRA_CA_CERTS']
        : ['The Python package index', 'pip config list, HTTPS_PROXY, PIP_CERT']
    return `${name} could not be reached (${NO_NETWORK.exec(text)[0]}). Check the network and its settings (${settings}) ${AGAIN}`
  }
  const wheel = NO_WHEEL.exec(text)
  if (wheel !== null && context.python !== undefined) {
    const { version, executable } = context.python
    return (
      `The package index has no ready-made ${wheel[1]} for Python ${version} (${executable}) on this system. ` +
      'Set TERRARIUM_PYTHON to another Python (3.10 to 3.14, CPython) and run the same command again.'
    )
  }
  if (LOCK_OUT_OF_DATE.test(text)) {
    const reasons = text.split('\n').filter((line) => line.trim().startsWith('* '))
    return `pnpm-lock.yaml does not fit the package.json files:\n${reasons.join('\n')}\nRun \`npm run pnpm -- install\` and commit the lock file.`
  }
  if (NOT_WRITABLE.test(text)) {
    return `Set-up may not write where it has to (${firstLine(text, NOT_WRITABLE)}). Make ${root} and the home folder writable for this user, ${AGAIN}`
  }
  return undefined
}

/**
 * The error for a command of a step that has failed: the one message for a known trouble, or its last lines.
 *
 * @param {string} what
 * @param {{ code: number | null, signal: string | null, output: string }} result
 * @param {Parameters<typeof diagnose>[1]} context
 */
export function failureOf(what, { code, signal, output }, context) {
  const tail = output.trim().split('\n').slice(-20).join('\n')
  const by = context.python === undefined ? '' : ` (Python ${context.python.version} at ${context.python.executable})`
  const unknown = `${tail}\n\`${what}\` ended with ${signal ?? `exit code ${code}`}${by}: see its last lines above. Correct that, and run the same command again.`
  return new SetUpError(diagnose(output, context) ?? unknown)
}

/**
 * What to print for an error that ended a command: a SetUpError or a known trouble as one message, the rest with its
 * stack.
 */
export function explain(error) {
  if (error instanceof SetUpError) return error.message
  const text = error instanceof Error ? `${error.code ?? ''} ${error.message}` : String(error)
  if (error?.syscall !== undefined) {
    const known = diagnose(text)
    if (known !== undefined) return known
  }
  return error instanceof Error ? (error.stack ?? error.message) : text
}

function firstLine(text, pattern) {
  const line = text.split('\n').find((candidate) => pattern.test(candidate)) ?? ''
  return line.trim().replace(/\s+/g, ' ').slice(0, 160)
}

/** Names the folders that lie on a disk with hardly any space left. */
function fullDisks() {
  const nearest = (path) => (existsSync(path) ? path : nearest(dirname(path)))
  const full = [root, homedir(), tmpdir()].filter((folder) => {
    const { bavail, bsize } = statfsSync(nearest(folder || '/'))
    return bavail * bsize < 100e6
  })
  return full.length === 0 ? '' : ` (${[...new Set(full)].join(', ')})`
}
