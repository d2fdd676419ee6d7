import { join } from 'node:path'
import type { Logger } from 'pino'
import { isTerrariumError } from '@terrarium/supervisor'
import { noteCgroup } from './cgroup.ts'
import { isLower, type Containment, type ContainmentReport } from './containment.ts'
import { MARKER } from '../table/identity.ts'
import { launch, type LaunchedChild } from './launch.ts'
import { shepherdFiles } from '../python-files.ts'
import type { Owner } from '../run.ts'
import { Shepherd } from './shepherd.ts'
import type { Spawns } from '../spawns.ts'

interface Context {
  readonly python: string
  readonly owner: Owner
  /** The folder of the run. */
  readonly runDirectory: string
  readonly containment: Containment | 'auto'
  readonly spawns: Spawns
  readonly logger: Logger
}

/** Sees that a run has a shepherd: the first from the beginning, the next one when a process is to be started without one. */
export class Tending {
  readonly #context: Context
  /** The spawns that are shepherds. */
  readonly #ids = new Set<string>()
  #hired = 0
  #launched: LaunchedChild | undefined
  #current: Promise<Shepherd> | undefined
  #report: ContainmentReport | undefined
  #closed = false
  #isReferenced = true

  constructor(context: Context) {
    this.#context = context
  }

  /** Whether this spawn is a shepherd, or a warden between it and this process. */
  has(spawn: string): boolean {
    return this.#ids.has(spawn)
  }

  /** The shepherd, or a new one if there is none. Errors: those of {@link Shepherd.start}. */
  shepherd(): Promise<Shepherd> {
    this.#current ??= this.#hire()
    return this.#current
  }

  /** What holds the processes together. A shepherd that is killed before it can say so is replaced, twice. Errors: as `shepherd()`. */
  async containment(attempts = 3): Promise<ContainmentReport> {
    try {
      return this.#report ?? reportOf(await this.shepherd())
    } catch (error) {
      if (attempts === 1 || this.#closed || !isTerrariumError(error, 'START_FAILED')) throw error
      return this.containment(attempts - 1)
    }
  }

  /** One that somebody has stopped goes on. */
  rouse(): void {
    this.#launched?.signal('SIGCONT', 'group')
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
  }

  async #hire(): Promise<Shepherd> {
    const { python, owner, spawns, logger, containment } = this.#context
    const number = ++this.#hired
    // A control group of its own, so that the next one need not wait for the end of this one's.
    const lifeline = join(owner.runtimeDirectory, `s${number}.fifo`)
    const name = `${owner.installation}-${owner.run}-${number}`
    const request = {
      name: 'shepherd',
      command: python,
      args: [
        ...['-I', '-S', join(shepherdFiles(), 'terrarium_shepherd')],
        ...['--lifeline', lifeline, '--containment', containment, '--name', name, MARKER],
      ],
      onReserved: (spawn: string) => this.#ids.add(spawn),
    }
    const quit = (): void => {
      this.#current = undefined
    }
    try {
      const { process, launched } = await spawns.begin(request, launch)
      this.#launched = launched
      let isTending = false
      void process.exited.then(({ code, signal, tail }) => {
        quit()
        if (!isTending || this.#closed) return
        logger.error({ code, signal, tail }, 'the shepherd has died, and with it all processes of this run')
      })
      const shepherd = await Shepherd.start(launched, lifeline)
      isTending = true
      shepherd.setReferenced(this.#isReferenced)
      this.#welcome(shepherd)
      return shepherd
    } catch (error) {
      quit()
      throw error
    }
  }

  #welcome(shepherd: Shepherd): void {
    const { logger, runDirectory } = this.#context
    const report = reportOf(shepherd)
    const told = { containment: report.level, missing: report.missing }
    if (this.#report !== undefined && isLower(report.level, this.#report.level)) {
      logger.error({ ...told, before: this.#report.level }, 'processes are contained less than before')
    } else {
      logger.info(told, 'processes are contained')
    }
    this.#report = report
    const { cgroup } = shepherd.hello
    if (cgroup === null) return
    // For the sweep, should everybody who knows of it be killed in the same moment.
    try {
      noteCgroup(runDirectory, cgroup)
    } catch (error) {
      logger.warn({ err: error, cgroup }, 'the next run will not know of this control group')
    }
  }
}

function reportOf({ hello: { containment, missing } }: Shepherd): ContainmentReport {
  return { level: containment, missing }
}
