// The life of one OS process as an XState machine. Programs and workers share it; they differ in the port that says
// when the process is ready, see `port.ts`.
import { exitWith, type ExitReason, type TerrariumError } from '@terrarium/supervisor/base'
import { assign, sendTo, setup, type StateMachine } from 'xstate'
import { driver, type LifeNews } from './driver.ts'
import type { OpenPort } from './port.ts'

export interface LifeContext<TInput = unknown> {
  readonly input: TInput
  /** Undefined until the process is reserved. */
  readonly spawnId: string | undefined
  /** Undefined until the process is there. */
  readonly pid: number | undefined
  /** Why the life ends. */
  readonly reason: ExitReason | undefined
}

export type LifeEvent =
  | LifeNews
  /** From the supervisor: exit in order, within the grace. */
  | { readonly type: 'supervisor.shutdown' }
  /** From the pool: kill this worker now, because of this error. */
  | { readonly type: 'worker.kill'; readonly error: TerrariumError }

/** A process that has gone silent is about to say why by its exit; after this long it is killed, in ms. */
const LAST_WORDS_MS = 250

function createLife(id: string, open: OpenPort<unknown>, facts: object) {
  return setup({
    types: { context: {} as LifeContext, events: {} as LifeEvent, input: {} },
    actors: { driver: driver(open) },
    actions: {
      terminate: sendTo('driver', ({ context: { reason } }) => ({ type: 'terminate' as const, reason })),
      kill: sendTo('driver', ({ context: { reason } }) => ({ type: 'kill' as const, reason })),
      /** The first reason counts. */
      because: assign({
        reason: ({ context, event }): ExitReason =>
          context.reason ?? ('error' in event ? { type: 'error', error: event.error } : { type: 'shutdown' }),
      }),
      notePid: assign(({ event }) => ('pid' in event ? { pid: event.pid, spawnId: event.spawnId } : {})),
    },
    guards: { mustBeKilled: ({ event }) => 'how' in event && event.how === 'kill' },
    delays: { lastWords: LAST_WORDS_MS },
  }).createMachine({
    id,
    context: ({ input }) => ({ input, spawnId: undefined, pid: undefined, reason: undefined, ...facts }),
    invoke: { id: 'driver', src: 'driver', input: ({ context }: { readonly context: LifeContext }) => context.input },
    initial: 'reserved',
    on: {
      'supervisor.shutdown': { target: '.terminating.orderly', actions: 'because' },
      'worker.kill': { target: '.terminating.forced', actions: 'because' },
      'life.failed': [
        { guard: 'mustBeKilled', target: '.terminating.forced', actions: 'because' },
        { target: '.terminating.orderly', actions: 'because' },
      ],
      'life.exited': { target: '.terminating.dead', actions: assign({ reason: ({ event }) => event.reason }) },
    },
    states: {
      /** The life waits for its turn to start, and then for its reservation. */
      reserved: {
        on: {
          'life.reserved': { target: 'spawning', actions: assign({ spawnId: ({ event }) => event.spawnId }) },
          'life.spawned': { target: 'awaitingReady', actions: 'notePid' },
        },
      },
      spawning: {
        on: { 'life.spawned': { target: 'awaitingReady', actions: 'notePid' } },
      },
      awaitingReady: {
        on: {
          'life.ready': { target: 'active', actions: assign(({ event }) => event.facts) },
          'life.silent': 'terminating.silent',
        },
      },
      active: {
        on: { 'life.silent': 'terminating.silent', 'life.held': 'terminating.held' },
      },
      terminating: {
        initial: 'orderly',
        on: {
          'supervisor.shutdown': { actions: 'terminate' },
          'life.spawned': { actions: 'notePid' },
        },
        states: {
          /** Asked to end: the order, the grace, then SIGKILL. */
          orderly: { entry: 'terminate' },
          /** SIGKILL. */
          forced: { entry: 'kill' },
          /** The session is gone: the process is dying or mute. */
          silent: { after: { lastWords: 'forced' } },
          /** The process has exited by a signal to the whole application; a stop of the application is waited for. */
          held: { on: { 'supervisor.shutdown': { target: 'orderly', actions: 'because' } } },
          /** The process has exited. */
          dead: { always: `#${id}.terminated` },
        },
      },
      terminated: { type: 'final' },
    },
    output: ({ context }) => exitWith(context.reason ?? { type: 'normal' }),
  })
}

type Logic = ReturnType<typeof createLife>

/** The type of a life machine with this input and this context. Each kind of process (program, worker) has its own. */
export type LifeLogic<TInput, TContext extends LifeContext<TInput> = LifeContext<TInput>> =
  Logic extends StateMachine<
    LifeContext,
    infer E,
    infer C,
    infer A,
    infer O,
    infer G,
    infer D,
    infer V,
    infer T,
    unknown,
    infer R,
    infer M,
    infer S,
    infer N
  >
    ? StateMachine<TContext, E, C, A, O, G, D, V, T, TInput, R, M, S, N>
    : never

/**
 * Makes the machine of one kind of process:
 *
 * ```
 * reserved ──► spawning ──► awaitingReady ──► active ──► terminating ──► terminated
 *    └─────────────┴──────────────┴─── failure, stop ───────┘
 * ```
 *
 * It ends by itself with an {@link ExitReason} as output. `facts` are in its context, beside those of
 * {@link LifeContext}, until {@link Life.ready} replaces them.
 */
export function lifeMachine<TInput, TContext extends LifeContext<TInput> = LifeContext<TInput>>(
  id: string,
  open: OpenPort<TInput>,
  facts: Omit<TContext, keyof LifeContext>,
): LifeLogic<TInput, TContext> {
  return createLife(id, open as OpenPort<unknown>, facts) as unknown as LifeLogic<TInput, TContext>
}
