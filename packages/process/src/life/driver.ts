// The hands of the life machine: it reserves, spawns, times the start, terminates and kills. It owns the process, so
// that the process ends with the machine however the machine ends (XState does not clean up after a machine that
// throws).
import { systemClock, type ExitReason, type SupervisorClock, type TerrariumError } from '@terrarium/supervisor/base'
import { fromCallback, type AnyActorRef, type CallbackActorLogic } from 'xstate'
import { startTimer } from '../pacing/patience.ts'
import type { OsProcess } from './os-process.ts'
import type { End, Life, OpenPort } from './port.ts'

/** From the machine: how the process is to end. `reason`: what the machine has decided so far. */
export interface LifeOrder {
  readonly type: 'terminate' | 'kill'
  readonly reason: ExitReason | undefined
}

/** From the driver to the machine. */
export type LifeNews =
  /** The reservation is on disk; there is no process yet. */
  | { readonly type: 'life.reserved'; readonly spawnId: string }
  | { readonly type: 'life.spawned'; readonly pid: number; readonly spawnId: string }
  /** `facts` become part of the context. */
  | { readonly type: 'life.ready'; readonly facts: object }
  | { readonly type: 'life.silent' }
  /** The process has to end. */
  | { readonly type: 'life.failed'; readonly error: TerrariumError; readonly how: 'terminate' | 'kill' }
  /** The process has exited; the end of the life is told later. */
  | { readonly type: 'life.held' }
  /** The end of the life. */
  | { readonly type: 'life.exited'; readonly reason: ExitReason }

export type LifeDriver<TInput> = CallbackActorLogic<LifeOrder, TInput>

export const START_TIMEOUT_MS = 30_000

export const driver = <TInput>(open: OpenPort<TInput>): LifeDriver<TInput> =>
  fromCallback(({ input, self, sendBack, receive }) => {
    const say = (news: LifeNews): void => {
      sendBack(news)
    }
    let process: OsProcess | undefined
    let spawning: Promise<unknown> = Promise.resolve()
    let isReady = false
    let order: LifeOrder | undefined
    let cancelStartTimer = (): void => undefined
    /** Aborted when the process is to end: its start may still wait for its turn. */
    const ending = new AbortController()

    const life: Life = {
      clock: clockOf(self as AnyActorRef),
      ending: ending.signal,
      get isReady() {
        return isReady
      },
      whenSpawned: (work) => {
        spawning.then(work, () => undefined)
      },
      ready: (facts = {}) => {
        if (isReady || order !== undefined) return
        isReady = true
        cancelStartTimer()
        void process?.activate()
        say({ type: 'life.ready', facts })
      },
      silent: () => {
        say({ type: 'life.silent' })
      },
      fail: (error, how) => {
        say({ type: 'life.failed', error, how })
      },
      held: () => {
        say({ type: 'life.held' })
      },
      tell: sendBack,
    }
    const port = open(input, life)

    const end = (given: LifeOrder): void => {
      order = given
      ending.abort()
      cancelStartTimer()
      if (given.type === 'kill') void process?.kill()
      else void process?.terminate({ grace: port.grace })
    }

    const live = async (): Promise<End> => {
      const request = await port.request()
      const beginning = port.runtime.spawn({
        ...request,
        paced: true,
        signal: ending.signal,
        onReserved: (spawnId) => {
          say({ type: 'life.reserved', spawnId })
        },
      })
      spawning = beginning
      const spawned = await beginning
      process = spawned
      if (order !== undefined) end(order)
      const { pid, spawnId } = spawned
      say({ type: 'life.spawned', pid, spawnId })
      port.spawned(spawned)
      if (!life.isReady && order === undefined) {
        const { clock, startTimeout = START_TIMEOUT_MS } = port
        cancelStartTimer = startTimer(clock, pid, startTimeout, () => {
          port.late(spawned, startTimeout)
        })
      }
      const status = await spawned.exited
      if (!status.unkillable) await port.exited(spawned, status)
      return { process: spawned, status }
    }

    void live()
      .catch((error: unknown) => ({ error }))
      .then((how) => port.conclude(how, order?.reason))
      .catch((error: unknown): ExitReason => ({ type: 'error', error }))
      .then((reason) => {
        cancelStartTimer()
        port.close?.()
        say({ type: 'life.exited', reason })
      })

    receive(end)
    return () => {
      end({ type: port.onStop, reason: undefined })
      port.close?.()
    }
  })

/** The clock of the actor's system, unless it is XState's own, which does not read before it judges. */
function clockOf(actor: AnyActorRef): SupervisorClock {
  const { clock } = actor as unknown as { readonly clock: Partial<SupervisorClock> }
  return typeof clock.now === 'function' ? (clock as SupervisorClock) : systemClock
}
