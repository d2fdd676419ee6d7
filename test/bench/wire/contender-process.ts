// A contender of the wire suite in a Node process of its own, as a program has one bridge to Python. Contenders in one
// process would share its heap, its timers, and what its compiler has learned of the code that they have in common.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measurement } from '../measure.ts'
import type { ContenderName, ContenderOpening } from './contenders.ts'

/** What the process is started with. */
export interface ContenderRequest extends ContenderOpening {
  readonly contender: ContenderName
  readonly seed: number
}

/** What the process is asked to do. Times in ms. */
export type Task =
  | { readonly task: 'round'; readonly bytes: number; readonly inFlight: number; readonly duration: number }
  | { readonly task: 'processorTime'; readonly inFlight: number; readonly duration: number }
  | { readonly task: 'close' }

/** What the process answers. */
export type Reply =
  /** It is open, by this name; null: it cannot be measured here. */
  | { readonly opened: string | null }
  | { readonly measured: Measurement | number }
  /** With what is wrong, or null. */
  | { readonly closed: string | null }
  | { readonly failed: string }

const HOST = fileURLToPath(new URL('contender-host.js', import.meta.url))

/** A contender that another process measures. */
export class ContenderProcess {
  readonly #child: ChildProcess
  #name = ''

  private constructor(request: ContenderRequest) {
    // What a contender prints does not belong to the rows. It has the processors of this process.
    this.#child = fork(HOST, [JSON.stringify(request)], { stdio: ['ignore', 2, 'inherit', 'ipc'], execArgv: [] })
  }

  /** Resolves with undefined when the contender cannot be measured here. */
  static async open(request: ContenderRequest, signal: AbortSignal): Promise<ContenderProcess | undefined> {
    const contender = new ContenderProcess(request)
    try {
      const reply = await contender.#reply(signal)
      if (!('opened' in reply)) throw new Error('a contender was not opened')
      if (reply.opened !== null) {
        contender.#name = reply.opened
        return contender
      }
    } catch (error) {
      await contender.#end()
      throw error
    }
    await contender.#end()
    return undefined
  }

  get name(): string {
    return this.#name
  }

  async round(options: { bytes: number; inFlight: number; duration: number }, signal: AbortSignal) {
    return (await this.#measured({ task: 'round', ...options }, signal)) as Measurement
  }

  /** The processor time of its process for each call, in µs. */
  async processorTime(options: { inFlight: number; duration: number }, signal: AbortSignal): Promise<number> {
    return (await this.#measured({ task: 'processorTime', ...options }, signal)) as number
  }

  /** Ends what it has opened, also in the middle of a round. Rejects when something of it is left. */
  async close(): Promise<void> {
    const child = this.#child
    if (!child.connected) return // it has ended, which was told
    const closed = new Promise<string | null>((resolve) => {
      child.on('message', (reply: Reply) => {
        if ('closed' in reply) resolve(reply.closed)
      })
      child.once('exit', (code) => {
        resolve(`its process ended with ${String(code)}`)
      })
    })
    child.send({ task: 'close' } satisfies Task)
    const fault = await closed
    await this.#end()
    if (fault !== null) throw new Error(`${this.#name}: ${fault}`)
  }

  async #measured(task: Task, signal: AbortSignal): Promise<Measurement | number> {
    signal.throwIfAborted()
    this.#child.send(task)
    const reply = await this.#reply(signal)
    if (!('measured' in reply)) throw new Error(`${this.#name} was not measured`)
    return reply.measured
  }

  /** Its next answer. Rejects when it has failed. */
  async #reply(signal: AbortSignal): Promise<Reply> {
    const ended = new AbortController()
    const options = { signal: AbortSignal.any([signal, ended.signal]) }
    try {
      const [reply] = (await Promise.race([
        once(this.#child, 'message', options),
        once(this.#child, 'exit', options).then(([code]) => {
          throw new Error(`the process of a contender ended with ${String(code)}`)
        }),
      ])) as [Reply]
      if ('failed' in reply) throw new Error(reply.failed)
      return reply
    } finally {
      ended.abort()
    }
  }

  /** It exits when it has lost this process. */
  async #end(): Promise<void> {
    const { exitCode, signalCode, connected } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const exited = once(this.#child, 'exit')
    if (connected) this.#child.disconnect()
    await exited
  }
}
