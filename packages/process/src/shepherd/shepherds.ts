// The shepherds of a run, one at a time: the first is started with the run, each later one when a process is to be
// started after its predecessor has exited.
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

interface Dependencies {
  readonly python: string
  readonly owner: Owner
  readonly folders: RunFolders
  readonly containment: Containment | 'auto'
  readonly spawns: Spawns
  readonly logger: AnyLogger
  /** A signal has come to the shepherd that means the application as a whole. */
  readonly onSignal: (signal: SignalName) => void
}

/** How many shepherds are started when each is killed before its first word. */
const ATTEMPTS = 3

/** Gives a run its shepherd, and another one when that has exited. */
export class Shepherds {
  readonly #dependencies: Dependencies
  /** The spawns that are shepherds. */
  readonly #ids = new Set<string>()
  #count = 0
  #child: OwnChild | undefined
  #current: Promise<Shepherd> | undefined
  #containment: ContainmentResult | undefined
  #closed = false
  #isReferenced = true

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Whether this spawn is a shepherd, or the guard process between a shepherd and this host. */
  has(spawn: string): boolean {
    return this.#ids.has(spawn)
  }

  /** The present shepherd, or a new one. Errors: those of {@link Shepherd.start}. */
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

  /** The level of containment in use. Errors: as `shepherd()`. */
  async containment(): Promise<ContainmentResult> {
    return this.#containment ?? containmentOf(await this.shepherd())
  }

  /** Sends SIGCONT, in case the shepherd was stopped. */
  resume(): void {
    this.#child?.process.signal('SIGCONT', 'group')
  }

  /** Call it when the directory of the run had to be made again: the shepherd locks the new one. */
  async remade(directory: string): Promise<void> {
    const shepherd = await this.#current?.catch(() => undefined)
    shepherd?.hold(directory)
    if (shepherd !== undefined) this.#noteCgroup(shepherd)
  }

  /** Sets whether the processes of the run keep this host alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced
    void this.#current?.then(
      (shepherd) => {
        shepherd.setReferenced(this.#isReferenced)
      },
      () => undefined, // the next `spawn` rejects with it
    )
  }

  /** Has the shepherd kill all its descendants and exit. Resolves when it has. No other shepherd is started. */
  async close(): Promise<void> {
    this.#closed = true
    const shepherd = await this.#current?.catch(() => undefined)
    await shepherd?.close()
    // Also a process that has not become a shepherd.
    await this.#child?.process.reaped
  }

  /** A signal to the application kills a shepherd that does not handle signals yet. */
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
    const { python, owner, spawns, logger, containment, folders, onSignal } = this.#dependencies
    // If the folder cannot be made, the process of an earlier attempt is not waited for.
    this.#child = undefined
    folders.ensureRuntimeDirectory()
    const number = ++this.#count
    // Each shepherd has its own control group: a new shepherd does not wait until the last group is empty.
    const lifeline = join(owner.runtimeDirectory, `s${number}.fifo`)
    const name = `${owner.installation}-${owner.run}-${number}`
    const request = {
      name: 'shepherd',
      command: python,
      args: [
        // The script and not its folder, which Python would run by a module that takes long to import.
        ...['-I', '-S', join(shepherdFiles(), 'terrarium_shepherd', '__main__.py')],
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
    const { logger } = this.#dependencies
    const containment = containmentOf(shepherd)
    const told = { containment: containment.level, missing: containment.missing }
    if (this.#containment !== undefined && isLower(containment.level, this.#containment.level)) {
      logger.error({ ...told, before: this.#containment.level }, 'processes are contained less than before')
    } else {
      logger.info(told, 'processes are contained')
    }
    this.#containment = containment
    this.#noteCgroup(shepherd)
  }

  /** Writes the control group down for a later sweep: host and shepherd may be killed in the same moment. */
  #noteCgroup({ hello: { cgroup } }: Shepherd): void {
    const { logger, folders } = this.#dependencies
    if (cgroup === null) return
    try {
      noteCgroup(folders.directory, cgroup)
    } catch (error) {
      logger.warn({ err: error, cgroup }, 'the next run will not know of this control group')
    }
  }
}

function containmentOf({ hello: { containment, missing } }: Shepherd): ContainmentResult {
  return { level: containment, missing }
}
