// One worker of a test: it has the life of a process, without one. It boots, opens its session, runs calls, and ends in
// order, by a signal, or by itself. What the host knows of it comes by the same ways as from Python.
import { OsProcess, type Exit, type News, type SpawnRequest } from '@terrarium/process'
import { isTerrariumError, messageOf, TerrariumError, type SupervisorClock } from '@terrarium/supervisor/base'
import { PROTOCOL_VERSION, type HostFrame, type Session, type ValueCodec } from '@terrarium/worker'
import { infoOf, type KnownTool, type TestExit } from './tool.ts'
import { WorkerCalls } from './worker-calls.ts'
import { WorkerLink } from './worker-link.ts'
import { TestSessions } from './worker-sessions.ts'

export interface TestWorkerDependencies {
  readonly tools: ReadonlyMap<string, KnownTool>
  readonly codec: ValueCodec
  readonly clock: SupervisorClock
  /** What Python does before it is ready; a rejection is a failure of the start. */
  readonly boot: (worker: TestWorker) => unknown
  /** Presents the worker to the host. False: the host expects it no more. */
  readonly connect: (token: string, session: Session) => boolean
  /** The slot. */
  readonly id: string
  readonly incarnation: number
}

/** Pids above the highest pid of Linux, so that a signal to one of them reaches nothing. */
const FIRST_PID = 2 ** 22 + 1
let started = 0

const NOTHING = Buffer.alloc(0)
/** The exit statuses of a worker, see `python/src/terrarium/_exit.py`. */
const EXIT = { CONFIGURATION: 78, EXCEPTION: 70, SESSION_LOST: 75 } as const

export class TestWorker {
  readonly id: string
  readonly process: OsProcess
  /** How much longer each call takes, in ms. */
  delay = 0
  readonly pid: number
  readonly #dependencies: TestWorkerDependencies
  readonly #news: News
  readonly #link: WorkerLink
  readonly #calls: WorkerCalls
  readonly #sessions: TestSessions
  readonly #token: string
  #hasExited = false
  #isReady = false
  #isEnding = false
  #hangs = false
  /** What continues once the worker no longer hangs. */
  readonly #held: (() => void)[] = []

  constructor(request: SpawnRequest, dependencies: TestWorkerDependencies) {
    const { tools, codec, clock, id, incarnation } = dependencies
    started += 1
    const pid = FIRST_PID + started
    const spawn = `${started}-${started.toString(16).padStart(16, '0')}`
    this.id = id
    this.pid = pid
    this.#dependencies = dependencies
    this.#token = (JSON.parse(request.env?.TERRARIUM_BOOT ?? '{}') as { readonly token: string }).token
    const identify = (pid: number, startTicks: number) =>
      ({ pid, startTicks, bootId: 'test', installation: 'test', run: 'testrun', spawn }) as const
    const { process, news } = OsProcess.create(
      { identify, released: Promise.resolve(), note: () => Promise.resolve() },
      {
        end: () => {
          this.#unlessHanging(() => {
            this.#end()
          })
        },
        signal: (signal) => {
          if (signal === 'SIGKILL') this.exit({ signal })
        },
        flow: () => undefined,
      },
      { clock, later: queueMicrotask },
    )
    this.process = process
    this.#news = news
    news.spawned(pid, 1)
    this.#link = new WorkerLink({
      pid,
      codec,
      heard: (frame) => {
        this.#heard(frame)
      },
      closed: () => {
        this.#unlessHanging(() => {
          this.exit({ code: EXIT.SESSION_LOST })
        })
      },
    })
    const print = (line: string, stream: 'stdout' | 'stderr' = 'stdout'): void => {
      if (!this.#hasExited) news.output(stream, Buffer.from(`${line}\n`))
    }
    const exit = (how?: TestExit): Promise<never> => {
      this.exit(how)
      return new Promise(() => undefined)
    }
    this.#sessions = new TestSessions(clock, (error) => {
      print(`a function for the end of a session failed: ${messageOf(error)}`, 'stderr')
    })
    this.#calls = new WorkerCalls({
      sessions: this.#sessions,
      tools,
      codec,
      clock,
      delay: () => this.delay,
      context: { worker: id, incarnation, pid, print, exit },
      say: (frame) => {
        this.#link.say(frame)
        this.#goSoon()
      },
      begin: (id) => {
        this.#link.begin(id)
      },
      drained: () => {
        this.#goSoon()
      },
    })
  }

  get isAlive(): boolean {
    return !this.#hasExited
  }

  /** Never rejects. */
  async start(): Promise<void> {
    const { boot, connect, tools } = this.#dependencies
    this.#report({ phase: 'boot' })
    this.#report({ phase: 'importing', module: 'the tools' })
    try {
      await boot(this)
    } catch (error) {
      this.#unlessHanging(() => {
        this.#failed(error)
      })
      return
    }
    this.#unlessHanging(() => {
      if (this.#hasExited) return
      this.#report({ phase: 'connecting' })
      if (!connect(this.#token, this.#link.session)) {
        this.exit({ code: EXIT.SESSION_LOST })
        return
      }
      const hello = { version: PROTOCOL_VERSION, token: this.#token, pid: this.pid, packageVersion: 'test' }
      this.#link.say({ kind: 'hello', ...hello, pythonVersion: '', reportsBegun: true })
      const list = [...tools.values()].map(infoOf)
      this.#link.say({ kind: 'ready', tools: list })
      this.#isReady = true
      this.#report({ phase: 'ready' })
    })
  }

  /** Ends it, as if by itself. */
  exit({ code = 1, signal, stderr }: TestExit = {}): void {
    if (this.#hasExited) return
    this.#hasExited = true
    if (stderr !== undefined) this.#news.output('stderr', Buffer.from(stderr))
    for (const channel of ['stdout', 'stderr', 'report'] as const) this.#news.output(channel, NOTHING)
    this.#calls.abandon(new Error(`worker ${this.id} has ended`))
    this.#link.close()
    const exit: Exit = signal === undefined ? { code, signal: null } : { code: null, signal }
    this.#news.exited(exit)
    this.#news.cleared({ orphaned: false })
  }

  setHanging(hangs: boolean): void {
    this.#hangs = hangs
    this.#link.setHanging(hangs)
    if (!hangs) for (const go of this.#held.splice(0)) go()
  }

  #unlessHanging(go: () => void): void {
    if (this.#hangs) this.#held.push(go)
    else go()
  }

  #heard(frame: HostFrame): void {
    if (frame.kind === 'call') this.#calls.take(frame)
    else if (frame.kind === 'cancel') this.#calls.cancel(frame)
    else if (frame.kind === 'credit') this.#calls.credit(frame)
    else if (frame.kind === 'feed' || frame.kind === 'feedEnd') this.#calls.feed(frame)
    else if (frame.kind === 'hostResult' || frame.kind === 'hostFailure' || frame.kind === 'hostItem')
      this.#calls.host.heard(frame)
    else if (frame.kind === 'sessionOpen') this.#sessions.begin(frame)
    else if (frame.kind === 'sessionClose') this.#sessions.end(frame)
    else if (frame.kind === 'ping') this.#link.say({ kind: 'pong', nonce: frame.nonce, running: this.#calls.running })
    this.#goSoon()
  }

  /** The order to end. */
  #end(): void {
    if (!this.#isReady) {
      this.exit({ code: 0 })
      return
    }
    this.#isEnding = true
    this.#calls.stop()
  }

  /** After the order to end: exits once no call is left and every answer has arrived. */
  #goSoon(): void {
    if (!this.#isEnding) return
    queueMicrotask(() => {
      if (!this.#calls.isDrained || !this.#link.isDone) return
      this.#sessions.endAll()
      this.exit({ code: 0 })
    })
  }

  #failed(error: unknown): void {
    const isConfiguration = isTerrariumError(error, 'CONFIGURATION')
    const { hint = '', details } = isTerrariumError(error) ? error : new TerrariumError('START_FAILED', '')
    this.#report({
      phase: 'failed',
      kind: details.kind ?? 'exception',
      configuration: isConfiguration,
      module: details.module,
      modules: details.modules,
      message: messageOf(error),
      hint,
      traceback: error instanceof Error ? error.stack : '',
      watch: details.watch,
    })
    this.exit({ code: isConfiguration ? EXIT.CONFIGURATION : EXIT.EXCEPTION })
  }

  #report(line: object): void {
    if (!this.#hasExited) this.#news.output('report', Buffer.from(`${JSON.stringify(line)}\n`))
  }
}
