// The calls of one worker of a test, as `_calls.py` and `_event_loop.py` run them in Python: sync tools one at a time
// in order of arrival, async tools beside them; a call that has not begun can be given back.
import type { SupervisorClock } from '@terrarium/supervisor/base'
import type { CallFrame, CancelFrame, CreditFrame, EncodedValue, ValueCodec, WorkerFrame } from '@terrarium/worker'
import type { FeedEndFrame, FeedFrame } from '@terrarium/worker'
import { TestBatches } from './test-batches.ts'
import { cancelled, invalidArgument, notSendable, raised, tooLate } from './failures.ts'
import { byName, misfit, type KnownTool, type ToolContext } from './tool.ts'
import { TestFeed } from './worker-feeds.ts'
import { TestProgress } from './worker-progress.ts'
import { WorkerHost } from './worker-host.ts'
import type { TestSession, TestSessions } from './worker-sessions.ts'
import { runStream, StreamGate } from './worker-streams.ts'

export interface WorkerCallsDependencies {
  readonly tools: ReadonlyMap<string, KnownTool>
  readonly codec: ValueCodec
  readonly clock: SupervisorClock
  /** For how long each call is kept before its tool is entered, in ms. */
  readonly delay: () => number
  readonly context: Omit<ToolContext, 'signal' | 'sleep' | 'deadline' | 'progress' | 'session' | 'host'>
  readonly say: (frame: WorkerFrame) => void
  readonly sessions: TestSessions
  /** Notes that the tool of a call is entered. */
  readonly begin: (id: number) => void
  /** Called when {@link WorkerCalls.isDrained} may have become true. */
  readonly drained: () => void
}

interface OpenCall {
  readonly id: number
  readonly tool: KnownTool
  readonly args: EncodedValue
  readonly session: TestSession | undefined
  /** In ms of the clock. */
  readonly deadline: number | undefined
  /** Undefined: its caller does not listen. */
  readonly progress: TestProgress | undefined
  readonly stop: AbortController
  /** Of a stream; for other calls it means nothing. */
  readonly gate: StreamGate
  /** Its arguments that are streams, by index. */
  readonly feeds: TestFeed[]
  hasBegun: boolean
  isCancelled: boolean
  /** The calls of its batch, once that is due; of one call that stands for it. */
  batch: readonly OpenCall[] | undefined
}

export class WorkerCalls {
  readonly #dependencies: WorkerCallsDependencies
  /** Received and not yet answered, by id. */
  readonly #open = new Map<number, OpenCall>()
  /** Sync calls that wait for the main thread. */
  readonly #waiting: OpenCall[] = []
  #running: OpenCall | undefined
  readonly #concurrent = new Set<OpenCall>()
  readonly #batches: TestBatches<OpenCall>
  /** What tools call of the host. */
  readonly host: WorkerHost
  #isStopping = false

  constructor(dependencies: WorkerCallsDependencies) {
    this.#dependencies = dependencies
    this.host = new WorkerHost(dependencies.codec, dependencies.say)
    this.#batches = new TestBatches(dependencies.clock, (calls) => {
      const [first] = calls
      if (first === undefined) return
      first.batch = calls
      this.#enqueue(first)
    })
  }

  /** The id of the call on the main thread; 0: none. */
  get running(): number {
    return this.#running?.id ?? 0
  }

  /** After the order to end: no call runs any more, and none is to begin. */
  get isDrained(): boolean {
    return this.#isStopping && this.#running === undefined && this.#concurrent.size === 0
  }

  take({ id, tool: name, args, timeout, wantsProgress = false, session = 0 }: CallFrame): void {
    const { tools, clock } = this.#dependencies
    const tool = tools.get(name)
    if (tool === undefined) return // the session sends only calls of tools that were announced
    const deadline = timeout === 0 ? undefined : clock.now() + timeout
    const call = {
      id,
      tool,
      args: received(args),
      session: this.#dependencies.sessions.of(session),
      deadline,
      progress: wantsProgress ? new TestProgress(id, clock, this.#dependencies.say) : undefined,
      stop: new AbortController(),
      gate: new StreamGate(),
      feeds: [],
      hasBegun: false,
      isCancelled: false,
      batch: undefined,
    }
    this.#open.set(id, call)
    if (tool.batch > 0) this.#batches.add(call)
    else this.#enqueue(call)
  }

  #enqueue(call: OpenCall): void {
    if (call.tool.isAsync) void this.#runBeside(call)
    else {
      this.#waiting.push(call)
      void this.#runNext()
    }
  }

  cancel({ id, unlessBegun }: CancelFrame): void {
    const call = this.#open.get(id)
    if (call === undefined) return
    const { batch } = call
    if (!call.hasBegun) {
      this.#batches.remove(call)
      this.#answer(call, cancelled(id, 'the call was cancelled before it began', true))
    } else if (!unlessBegun && batch?.some((each) => each !== call && this.#open.get(each.id) === each) === true)
      this.#answer(call, cancelled(id))
    else if (!unlessBegun && call.tool.isAsync) {
      call.isCancelled = true
      this.#answer(call, cancelled(id))
      call.stop.abort(new Error('the call was cancelled'))
      call.gate.stop()
    } else if (!unlessBegun) {
      call.gate.stop()
      for (const feed of call.feeds) feed.stop()
    }
  }

  credit({ id, bytes }: CreditFrame): void {
    this.#open.get(id)?.gate.add(bytes)
  }

  feed(frame: FeedFrame | FeedEndFrame): void {
    this.#open.get(frame.id)?.feeds[frame.feed]?.take(frame)
  }

  /** No further call begins. */
  stop(): void {
    this.#isStopping = true
    for (const call of this.#batches.takeAll()) this.#refused(call)
    this.#endIfDrained()
  }

  /** The worker has ended. */
  abandon(reason: Error): void {
    const open = [...this.#open.values()]
    this.#open.clear()
    this.#waiting.length = 0
    this.#batches.takeAll()
    for (const { stop, gate, feeds, progress } of open) {
      progress?.drop()
      stop.abort(reason)
      gate.stop()
      for (const feed of feeds) feed.stop()
    }
  }

  async #runNext(): Promise<void> {
    if (this.#running !== undefined) return
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      if (this.#isRefused(call)) continue
      this.#running = call
      await this.#run(call)
      this.#running = undefined
    }
    this.#endIfDrained()
  }

  async #runBeside(call: OpenCall): Promise<void> {
    if (this.#isRefused(call)) return
    this.#concurrent.add(call)
    const { clock } = this.#dependencies
    const { id, deadline, stop } = call
    const late = (): void => {
      this.#answer(call, tooLate(id, 'the deadline passed while the coroutine ran'))
      stop.abort(new Error('the deadline has passed'))
      call.gate.stop()
    }
    const timer = deadline === undefined ? undefined : clock.setTimeout(late, deadline - clock.now())
    // A tool that was stopped is let go of, whatever it still does: a coroutine ends where it awaits.
    await Promise.race([this.#run(call), aborted(stop.signal)])
    if (timer !== undefined) clock.clearTimeout(timer)
    this.#concurrent.delete(call)
    this.#endIfDrained()
  }

  /** Answers a call, or calls of a batch, that must not begin. Tells whether nothing is left to run. */
  #isRefused(call: OpenCall): boolean {
    const left = (call.batch ?? [call]).filter((each) => !this.#refused(each))
    for (const each of left) {
      each.hasBegun = true
      if (call.batch !== undefined) each.batch = left
    }
    if (call.batch !== undefined) call.batch = left
    return left.length === 0
  }

  /** Answers a call that must not begin. */
  #refused(call: OpenCall): boolean {
    if (!this.#open.has(call.id)) return true
    const { id, deadline } = call
    if (this.#isStopping) this.#answer(call, cancelled(id, 'the worker stops, and the call had not begun', true))
    else if (deadline !== undefined && this.#dependencies.clock.now() >= deadline)
      this.#answer(call, tooLate(id, 'the deadline passed before the call began', true))
    else return false
    return true
  }

  async #run(call: OpenCall): Promise<void> {
    if (call.batch !== undefined) {
      await this.#runBatch(call, call.batch)
      return
    }
    const { codec, delay, context, begin } = this.#dependencies
    const { id, tool, stop, session } = call
    const left = (): number | undefined => this.#timeLeft(call)
    begin(id)
    const args = this.#arguments(call)
    if (args === undefined) return
    const sleep = (ms: number): Promise<void> => this.#sleep(ms, stop.signal)
    let value: unknown
    try {
      const ms = delay()
      if (ms > 0) await sleep(ms)
      const progress: ToolContext['progress'] = (done, total, text) => call.progress?.report(done, total, text)
      const host = this.host.of(id)
      const own = { signal: stop.signal, sleep, deadline: left, progress, session, host }
      const returned = tool.run(args, { ...context, ...own })
      if (tool.isStream) {
        const { say } = this.#dependencies
        this.#answer(call, await runStream({ id, tool: tool.name, returned, gate: call.gate, codec, say }))
        return
      }
      value = (await returned) ?? null // None
    } catch (error) {
      this.#answer(call, raised(id, error, codec))
      return
    }
    this.#answerWith(call, value)
  }

  async #runBatch(first: OpenCall, batch: readonly OpenCall[]): Promise<void> {
    const { codec, delay, context, begin } = this.#dependencies
    const { tool, stop } = first
    for (const { id } of batch) begin(id)
    const rows = batch.flatMap((call) => {
      const args = this.#arguments(call)
      return args === undefined ? [] : [{ call, args: args as Record<string, unknown> }]
    })
    const [one] = rows
    if (one === undefined) return
    const columns = Object.fromEntries(Object.keys(one.args).map((name) => [name, rows.map(({ args }) => args[name])]))
    const sleep = (ms: number): Promise<void> => this.#sleep(ms, stop.signal)
    const deadline = (): number | undefined => latest(batch.map((call) => this.#timeLeft(call)))
    try {
      const ms = delay()
      if (ms > 0) await sleep(ms)
      const parts = await tool.run(columns, {
        ...context,
        host: this.host.of(first.id),
        signal: stop.signal,
        sleep,
        deadline,
        ...OF_BATCH,
      })
      if (!Array.isArray(parts) || parts.length !== rows.length) {
        const what = Array.isArray(parts) ? `${parts.length} results` : 'no array'
        throw new TypeError(`a batch of ${rows.length} calls of ${tool.name} returned ${what}`)
      }
      rows.forEach(({ call }, index) => {
        const part: unknown = parts[index] ?? null
        if (part instanceof Error) this.#answer(call, raised(call.id, part, codec))
        else this.#answerWith(call, part)
      })
    } catch (error) {
      for (const { call } of rows) this.#answer(call, raised(call.id, error, codec))
    }
  }

  /** Undefined if they do not fit the tool: then the call is answered. */
  #arguments({ id, tool, args: sent, feeds }: OpenCall): unknown {
    const { codec, say } = this.#dependencies
    const feed = (index: number): TestFeed => (feeds[index] = new TestFeed({ id, index, codec, say }))
    try {
      const args = byName(tool, codec.decode(sent, 'the arguments', feed))
      if (tool.batch > 0 && feeds.length > 0) {
        throw new TypeError(`${tool.name} runs in batches, and takes no argument that is a stream`)
      }
      const why = misfit(tool, args as object)
      if (why !== undefined) throw new TypeError(why)
      return args
    } catch (error) {
      const call = this.#open.get(id)
      if (call !== undefined) this.#answer(call, invalidArgument(id, error))
      return undefined
    }
  }

  #answerWith(call: OpenCall, value: unknown): void {
    const { id, tool } = call
    try {
      const encoded = this.#dependencies.codec.encode(value, `the result of ${tool.name}`)
      this.#answer(call, { kind: 'result', id, value: encoded })
    } catch (error) {
      this.#answer(call, notSendable(id, error))
    }
  }

  #timeLeft({ deadline }: OpenCall): number | undefined {
    return deadline === undefined ? undefined : Math.max(0, deadline - this.#dependencies.clock.now())
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(resolve, ms)
      const stop = (): void => {
        clock.clearTimeout(timer)
        reject(signal.reason as Error)
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** Only the first answer counts. */
  #answer(call: OpenCall, frame: WorkerFrame): void {
    if (this.#open.get(call.id) !== call) return
    this.#open.delete(call.id)
    for (const feed of call.feeds) feed.stop()
    call.progress?.end()
    this.#dependencies.say(frame)
  }

  #endIfDrained(): void {
    if (!this.isDrained) return
    for (const call of this.#waiting.splice(0)) this.#refused(call)
    this.#dependencies.drained()
  }
}

/** A batch belongs to no call alone. */
const OF_BATCH = { progress: (): void => undefined, session: undefined }

/** Of a batch: of its last call; none if a call has none. */
const latest = (times: readonly (number | undefined)[]): number | undefined =>
  times.every((time) => time !== undefined) ? Math.max(...times) : undefined

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stopped = (): void => {
      resolve()
    }
    signal.addEventListener('abort', stopped, { once: true })
  })
}

/** The arguments as a process receives them: in memory of its own. */
const received = ({ bytes, segments }: EncodedValue): EncodedValue => ({
  bytes,
  segments: segments.map((segment) => Buffer.from(segment)),
})
