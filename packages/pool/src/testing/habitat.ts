// Habitats: what a test with real workers needs, and proof at its end that no process and no failure is left that the
// test did not look at.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { findTagged } from '@terrarium/process'
import { ASYNC_DISPOSE, messageOf } from '@terrarium/supervisor/base'
import { endError, FailureWatch, type AfterEach, type Supervised } from '@terrarium/supervisor/testing'
import { pino, type Logger } from 'pino'
import type { Pool } from '../api.ts'
import { createPool } from '../handle.ts'
import type { PoolOptions } from '../options.ts'
import { testPool, type TestPool, type TestPoolOptions } from './test-pool.ts'
import { WatchedPool } from './watched-pool.ts'
import { isOfHarmedWorker } from './worker-faults.ts'

/** A line of the log of a habitat, as pino writes it. */
export interface LogLine {
  /** 40: a warning, 50: an error. */
  readonly level: number
  readonly msg: string
  readonly [key: string]: unknown
}

export interface HabitatOptions {
  /** The interpreter of the pools that {@link Habitat.pool} makes. Default: as for every pool. */
  readonly python?: string
  /** The least level of a log line that a test must expect. Default `warn`. */
  readonly failAt?: 'warn' | 'error'
}

/** What every pool of a habitat shares. */
export interface HabitatPoolOptions {
  readonly stateDir: string
  readonly logger: Logger
  readonly python?: string
}

const LEVELS = { warn: 40, error: 50 } as const

/**
 * The folder of one test: a state directory, so that all processes of the test are known by their spawn tag, tool
 * modules, and a log that is read afterwards. {@link Habitat.end} checks and removes it.
 *
 * ```ts
 * await using home = new Habitat()
 * const pool = home.pool({ name: 'text', tools: './tools.py' })
 * await pool.start()
 * ```
 */
export class Habitat {
  readonly directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
  readonly stateDir = join(this.directory, 'state')
  readonly log: LogLine[] = []
  readonly logger: Logger
  readonly #python: string | undefined
  readonly #failAt: number
  readonly #expected: RegExp[] = []
  readonly #watch: FailureWatch
  /** Messages of failures that were judged when they happened, so their log lines are not judged again. */
  readonly #judged = new Set<string>()

  constructor({ python, failAt = 'warn' }: HabitatOptions = {}) {
    this.#python = python
    this.#failAt = LEVELS[failAt]
    this.#watch = new FailureWatch((error) => {
      this.#judged.add(messageOf(error))
      return isOfHarmedWorker(error) || isDrill(error)
    })
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        for (const line of chunk.toString().split('\n')) if (line !== '') this.log.push(JSON.parse(line) as LogLine)
        done()
      },
    })
    this.logger = pino({ level: 'debug' }, sink)
  }

  /** For `createPool()` and `pool()`: the state directory, the logger, and the interpreter if one was given. */
  get options(): HabitatPoolOptions {
    const { stateDir, logger } = this
    return this.#python === undefined ? { stateDir, logger } : { stateDir, logger, python: this.#python }
  }

  /** As `createPool()`, with the {@link options} of this habitat. The pool is watched. */
  pool(options: PoolOptions): Pool {
    return this.watch(createPool({ ...this.options, ...options }))
  }

  /** As {@link testPool}, with the logger of this habitat. The pool is watched. */
  testPool(options: TestPoolOptions): TestPool {
    return this.watch(testPool({ logger: this.logger, ...options }))
  }

  /**
   * Watches a pool or a supervisor, from before its start on. At the end of the test it must have been started, each
   * worker or child ready, and none may have failed, unless a fault or {@link expect} says so. Returns it.
   */
  watch<TWatched extends Pool | Supervised>(watched: TWatched): TWatched {
    const note = (what: string, error: unknown): void => {
      this.#watch.note(what, error)
    }
    if ('call' in watched && 'workers' in watched) this.#watch.add(new WatchedPool(watched, note))
    else this.#watch.watch(watched)
    return watched
  }

  /** A failure or a log line whose text has a match is wanted, whether it comes before or after this. */
  expect(...failures: readonly RegExp[]): void {
    this.#expected.push(...failures)
    this.#watch.expect(...failures)
  }

  /** Writes a file into the habitat and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, text)
    return path
  }

  /** The pids of all living processes of this habitat, by scanning the system for their spawn tag. */
  processes(): number[] {
    return processesOf(this.stateDir)
  }

  /** The log lines that must be expected and are not. What tools print is not among them. */
  get unexpectedLines(): string[] {
    return this.log
      .filter(({ level, msg, stream }) => level >= this.#failAt && stream === undefined && !this.#isKnown(msg))
      .map((line) => JSON.stringify(line))
  }

  /** Stops what still runs, removes the folder, and throws an error that names what was not wanted. */
  async end(): Promise<void> {
    const wrong = await this.close()
    if (wrong.length > 0) throw endError(wrong)
  }

  /** As {@link end}, but returns what is wrong. */
  async close(): Promise<readonly string[]> {
    const wrong = await this.#watch.close()
    const left = this.processes()
    rmSync(this.directory, { recursive: true, force: true })
    return [
      ...wrong,
      ...this.unexpectedLines.map((line) => `logged: ${line}`),
      ...(left.length === 0 ? [] : [`processes are left: ${left.join(', ')}`]),
    ]
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.end()
  }

  #isKnown(msg: string): boolean {
    return this.#judged.has(msg.replace(/^parked: /, '')) || this.#expected.some((pattern) => pattern.test(msg))
  }
}

/** `pool.kill()` is asked for by the test. */
const isDrill = (error: unknown): boolean => error instanceof Error && error.message.endsWith('was killed in a drill')

/** The pids of all living processes with a spawn tag of this state directory. */
export function processesOf(stateDir: string): number[] {
  const file = join(stateDir, 'installation.json')
  if (!existsSync(file)) return []
  const { installation } = JSON.parse(readFileSync(file, 'utf8')) as { installation: string }
  return findTagged({ installation }).map(({ pid }) => pid)
}

/**
 * Makes habitats that are checked and removed at the end of each test, by the `afterEach` of any runner. `make`: of a
 * class of your own, for example.
 */
export function habitats<THabitat extends Habitat = Habitat>(
  afterEach: AfterEach,
  make: () => THabitat = () => new Habitat() as THabitat,
): () => THabitat {
  const made: THabitat[] = []
  afterEach(async () => {
    const wrong: string[] = []
    for (const each of made.splice(0)) wrong.push(...(await each.close()))
    if (wrong.length > 0) throw endError(wrong)
  })
  return () => {
    const habitat = make()
    made.push(habitat)
    return habitat
  }
}
