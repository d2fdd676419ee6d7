// The acts of the demonstration: a module is missing, then installed, and the pool heals.
import { isTerrariumError, type Pool } from '@terrarium/pool'
import type { Protocol } from './protocol.ts'
import type { BareVenv } from './venv.ts'

/** The promised times, in ms, on a machine that is not busy. */
const REFUSED_WITHIN = 5_000
const HEALED_WITHIN = 10_000
/** The time within which a call is refused "at once", in ms. */
const AT_ONCE = 500

/** How long something is waited for that a busy machine may delay, in ms. */
const PATIENCE = 60_000

/** What an interpreter lacks. */
export interface Lack {
  readonly modules: readonly string[]
  /** The packages that bring the modules. */
  readonly packages: readonly string[]
}

export interface Refused {
  readonly refusedMs: number
  readonly code: string
  readonly module: string
  readonly interpreter: string
  readonly hint: string
  /** The command in the hint. */
  readonly command: string
  /** Processes started before the installation, by worker slot. */
  readonly spawns: Readonly<Record<string, number>>
  readonly callRefusedWith: string
}

/** The pool does not start, says why, and does not try again. */
export async function refuse(pool: Pool, venv: BareVenv, lack: Lack, protocol: Protocol): Promise<Refused> {
  const spawns: Record<string, number> = Object.fromEntries(pool.workers.map(({ id }) => [id, 0]))
  const count = ({ worker }: { worker: string }): void => {
    spawns[worker] = (spawns[worker] ?? 0) + 1
  }
  pool.on('worker.start', count)
  const [error, refusedMs] = await rejectionOf(pool.start())
  if (!isTerrariumError(error)) throw new Error('the pool did not say what is missing', { cause: error })
  const { code, message, hint = '', details } = error
  const module = String(details.module)
  const interpreter = String(details.interpreter)
  const command = String(details.command)
  protocol.step(`${code}: ${message}`)
  protocol.step(`hint: ${hint}`)
  protocol.took('start() was rejected', refusedMs, REFUSED_WITHIN)
  protocol.claim('its code is CONFIGURATION', code === 'CONFIGURATION')
  const named = lack.modules.every((name) => message.includes(`'${name}'`))
  protocol.claim('it names what is missing and nothing else', named && module === lack.modules[0])
  protocol.claim('it names the interpreter', interpreter === venv.python)
  protocol.claim(
    'it names the command that repairs it',
    hint.endsWith(command) && command.endsWith(`${venv.python} -m pip install ${lack.packages.join(' ')}`),
  )

  const parked = await until(() => pool.status === 'parked', PATIENCE)
  protocol.claim('every worker is parked', parked)
  const [callError, callMs] = await rejectionOf(pool.call('versions'))
  const callRefusedWith = isTerrariumError(callError) ? callError.code : String(callError)
  protocol.claim(`a call made now is refused: ${callRefusedWith}`, callRefusedWith === 'PARKED')
  protocol.took('the refusal came', callMs, AT_ONCE)

  // Time enough for a restart, if there were one.
  await until(() => false, 1_000)
  pool.off('worker.start', count)
  const each = Object.entries(spawns).map(([worker, times]) => `${worker}: ${times}`)
  const frugal = Object.values(spawns).every((times) => times <= 1) && pool.stats.starts <= pool.workers.length
  protocol.claim(`at most one process was started for each worker (${each.join(', ')})`, frugal)
  return { refusedMs, code, module, interpreter, hint, command, spawns, callRefusedWith }
}

export interface Healed {
  readonly installedBy: 'pip' | 'copy'
  /** From the end of the installation until every worker was ready. 0: before its end. */
  readonly healedMs: number
  /** Processes started to find out whether the environment was repaired, successful starts included. */
  readonly probes: number
  readonly answer: unknown
}

/** Runs the command of the hint. The pool notices the repair by itself. */
export async function heal(
  pool: Pool,
  venv: BareVenv,
  lack: Lack,
  repair: string,
  protocol: Protocol,
  signal: AbortSignal,
): Promise<Healed> {
  const before = pool.stats.starts
  protocol.step('installing …')
  const { by, command, why } = await venv.repair(repair, lack.packages, signal)
  protocol.step(
    by === 'pip' ? `ran ${command}` : `pip could not install (${why}): copied the installed packages instead`,
  )
  const installed = performance.now()
  const healed = await until(() => pool.stats.ready === pool.workers.length, PATIENCE)
  const healedMs = Math.round(performance.now() - installed)
  const probes = pool.stats.starts - before
  protocol.claim(`every worker is ready, after ${probes} starts`, healed)
  protocol.took('the installation was noticed', healedMs, HEALED_WITHIN)
  const answer = healed ? await pool.call<object>('versions', {}, { timeout: PATIENCE }) : undefined
  protocol.claim(`a call is answered: ${JSON.stringify(answer)}`, answer !== undefined)
  return { installedBy: by, healedMs, probes, answer }
}

/** The error of a rejected promise (undefined if it was not rejected), and how long it took, in ms. */
async function rejectionOf(promise: Promise<unknown>): Promise<[unknown, number]> {
  const begun = performance.now()
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return [error, Math.round(performance.now() - begun)]
}

/** Whether the condition became true within so many ms. */
async function until(condition: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}
