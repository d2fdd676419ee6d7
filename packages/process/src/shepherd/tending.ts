import { join } from 'node:path'
import type { AnyLogger } from '../guarded-logger.ts'
import { noteCgroup } from './cgroup.ts'
import { isLower, type Containment, type ContainmentResult } from './containment.ts'
import { SPAWN_ARGUMENTS } from '../table/identity.ts'
import type { SignalName } from '../life/os-process.ts'
import { launch, type OwnChild } from './launch.ts'
import { shepherdFiles } from '../python-files.ts'
import type { Owner } from '../run.ts'
import type { RunFolders } from '../run-folders.ts'
import { Shepherd } from './shepherd.ts'
import type { Spawns } from '../spawns.ts'

interface Context {
  readonly python: string
  readonly owner: Owner
  readonly folders: RunFolders
  readonly containment: Containment | 'auto'
  readonly spawns: Spawns
  readonly logger: AnyLogger
  /** A signal has come to the shepherd that means the application as a whole. */
  readonly onSignal: (signal: SignalName) => void
}

/** A shepherd that was killed before its first word is replaced so often. */
const ATTEMPTS = 3

/**
 * Sees that a run has a shepherd: the first from the beginning, the next one when a process is to be started without
 * one.
 */
export class Tending {
  readonly #context: Context
  /** The spawns that are shepherds. */
  readonly #ids = new Set<string>()
  #count = 0
  #child: OwnChild | undefined
  #current: Promise<Shepherd> | undefined
  #report: ContainmentResult | undefined
  #closed = false
  #isReferenced = true

  constructor(context: Context) {
    this.#context = context
  }

  /** Whether this spawn is a shepherd, or the guard process between it and this process. */
  has(spawn: string): boolean {
    return this.#ids.has(spawn)
  }

  /** The shepherd, or a new one if there is none. Errors: those of {@link Shepherd.start}. */
  shepherd(): Promise<Shepherd> {
    if (this.#current === undefined) {
      const current = this.#start(ATTEMPTS)
      this.#current = current
      current.catch(() => {
        if (this.#current === current) this.#current = undefined
      })
    }
    return this.#current
  }

  /** What holds the processes together. Errors: as `shepherd()`. */
  async containment(): Promise<ContainmentResult> {
    return this.#report ?? reportOf(await this.shepherd())
  }

  /** Sends SIGCONT, in case the shepherd was stopped. */
  resume(): void {
    this.#child?.process.signal('SIGCONT', 'group')
  }

  /** The directory of the run had to be made again. */
  async remade(directory: string): Promise<void> {
    const shepherd = await this.#current?.catch(() => undefined)
    shepherd?.hold(directory)
    if (shepherd !== undefined) this.#noteCgroup(shepherd)
  }

  /** Whether its processes keep the host process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    void this.#current?.then(
      (shepherd) => {
        shepherd.setReferenced(this.#isReferenced)
      },
      () => undefined, // told to those who need it
    )
  }

  /** The shepherd ends all that is below it, and itself. Resolves when it has; a new one would not come. */
  async close(): Promise<void> {
    this.#closed = true
    const shepherd = await this.#current?.catch(() => undefined)
    await shepherd?.close()
    // Also one that has never got so far as to be a shepherd.
    await this.#child?.process.reaped
  }

  /** A signal may come before a shepherd has got so far as to handle it. */
  async #start(attempts: number): Promise<Shepherd> {
    try {
      return await this.#startOne()
    } catch (error) {
      const process = this.#child?.process
      if (attempts === 1 || this.#closed || process?.hasExited !== true) throw error
      if ((await process.reaped).signal === null) throw error
      return this.#start(attempts - 1)
    }
  }

  async #startOne(): Promise<Shepherd> {
    const { python, owner, spawns, logger, containment, folders, onSignal } = this.#context
    // What is left of the one before is not waited for if the folder cannot be made.
    this.#child = undefined
    folders.ensureRuntimeDirectory()
    const number = ++this.#count
    // A control group of its own, so that the next one need not wait for the end of this one's.
    const lifeline = join(owner.runtimeDirectory, `s${number}.fifo`)
    const name = `${owner.installation}-${owner.run}-${number}`
    const request = {
      name: 'shepherd',
      command: python,
      args: [
        ...['-I', '-S', join(shepherdFiles(), 'terrarium_shepherd')],
        ...['--lifeline', lifeline, '--folders', String(folders.descriptors.length)],
        ...['--containment', containment, '--name', name, SPAWN_ARGUMENTS],
      ],
      onReserved: (spawn: string) => this.#ids.add(spawn),
    }
    const child = await spawns.begin(request, (complete) => launch({ ...complete, descriptors: folders.descriptors }))
    this.#child = child
    const shepherd = await Shepherd.start(child, lifeline, onSignal)
    void child.process.exited.then(({ code, signal, tail }) => {
      this.#current = undefined
      if (this.#closed) return
      logger.error({ code, signal, tail }, 'the shepherd has died, and with it all processes of this run')
    })
    shepherd.setReferenced(this.#isReferenced)
    this.#welcome(shepherd)
    return shepherd
  }

  #welcome(shepherd: Shepherd): void {
    const { logger } = this.#context
    const report = reportOf(shepherd)
    const told = { containment: report.level, missing: report.missing }
    if (this.#report !== undefined && isLower(report.level, this.#report.level)) {
      logger.error({ ...told, before: this.#report.level }, 'processes are contained less than before')
    } else {
      logger.info(told, 'processes are contained')
    }
    this.#report = report
    this.#noteCgroup(shepherd)
  }

  /** For the sweep, should everybody who knows of it be killed in the same moment. */
  #noteCgroup({ hello: { cgroup } }: Shepherd): void {
    const { logger, folders } = this.#context
    if (cgroup === null) return
    try {
      noteCgroup(folders.directory, cgroup)
    } catch (error) {
      logger.warn({ err: error, cgroup }, 'the next run will not know of this control group')
    }
  }
}

function reportOf({ hello: { containment, missing } }: Shepherd): ContainmentResult {
  return { level: containment, missing }
}
