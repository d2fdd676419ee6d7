// Why an actor ended, as OTP says it, and how a logic ends its actor with such a reason.
import { TerrariumError } from './errors.ts'

/** Why an actor ended. `normal` and `shutdown` are clean; `killed` and `error` are not. */
export type ExitReason =
  | { readonly type: 'normal'; readonly output?: unknown }
  | { readonly type: 'shutdown'; readonly detail?: unknown }
  | { readonly type: 'killed' }
  | { readonly type: 'error'; readonly error: unknown }

/** A registered symbol, so that two copies of this package understand each other. */
const EXIT = Symbol.for('terrarium.exit')

/** The output that {@link exitWith} makes. */
export interface ExitOutput {
  readonly exit: ExitReason
}

/**
 * The output of a child that ends for a reason of its own choice, so that no machine ever has to throw:
 *
 * ```ts
 * createMachine({ …, output: ({ context }) => exitWith({ type: 'error', error: context.error }) })
 * ```
 *
 * Any other output is a `normal` exit.
 */
export function exitWith(reason: ExitReason): ExitOutput {
  return { exit: reason, [EXIT]: true } as ExitOutput
}

/** The exit reason that an actor's output means. */
export function reasonOfOutput(output: unknown): ExitReason {
  if (isExitOutput(output)) return output.exit
  return output === undefined ? { type: 'normal' } : { type: 'normal', output }
}

function isExitOutput(output: unknown): output is ExitOutput {
  return typeof output === 'object' && output !== null && EXIT in output
}

const TYPES: ReadonlySet<unknown> = new Set<ExitReason['type']>(['normal', 'shutdown', 'killed', 'error'])

export function isExitReason(value: unknown): value is ExitReason {
  return typeof value === 'object' && value !== null && TYPES.has((value as Partial<ExitReason>).type)
}

/** True if an actor that was asked to end for one reason has ended for it. */
export function isSameExit(exit: ExitReason, asked: ExitReason): boolean {
  if (exit.type === 'error') return asked.type === 'error' && exit.error === asked.error
  if (exit.type === 'shutdown') return asked.type === 'shutdown' && exit.detail === asked.detail
  return exit.type === asked.type
}

export function isCleanExit(reason: ExitReason): boolean {
  return reason.type === 'normal' || reason.type === 'shutdown'
}

/** The error of a child's exit: its own, or a STOPPED error that says how it ended. */
export function errorOfExit(id: string, reason: ExitReason): unknown {
  if (reason.type === 'error') return reason.error
  if (reason.type === 'shutdown' && reason.detail instanceof Error) return reason.detail
  return new TerrariumError('STOPPED', `child ${id} ended: ${reason.type}`, {
    details: { child: id, exit: reason.type },
  })
}
