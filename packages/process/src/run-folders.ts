import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { makeRun, makeRuntimeDirectory, type Owner } from './run.ts'
import { openInstallation, runsDirectory } from './state-directory.ts'

/**
 * The folders that a run needs as long as it lives. They lie where others clean up, so they are locked, which
 * `systemd-tmpfiles` heeds (the shepherd does it, on the descriptors that it shares with this process, see
 * `terrarium_shepherd/folders.py`), and made again when they are gone all the same.
 */
export class RunFolders {
  /** The directory of the run. */
  readonly directory: string
  readonly #stateDir: string
  readonly #owner: Owner
  readonly #onRemade: (directory: string) => void
  readonly #descriptors: number[] = []

  /** `onRemade`: called when the directory of the run had to be made again. */
  constructor(stateDir: string, owner: Owner, onRemade: (directory: string) => void) {
    this.#stateDir = stateDir
    this.#owner = owner
    this.#onRemade = onRemade
    this.directory = join(runsDirectory(stateDir), owner.run)
  }

  /**
   * Open descriptors of the directory of the run, the runtime directory and the state directory, for the shepherd to
   * lock.
   */
  get descriptors(): readonly number[] {
    return this.#descriptors
  }

  /** Makes the runtime directory again, if it is gone. Errors: START_FAILED, and those of the file system. */
  ensureRuntimeDirectory(): void {
    makeRuntimeDirectory(this.#owner)
  }

  /** Makes the directory of the run again, with an empty folder for its log. Errors: as {@link openInstallation}. */
  remakeRun(): void {
    openInstallation(this.#stateDir, this.#owner.installation)
    makeRun(this.#stateDir, this.#owner)
    this.ensureRuntimeDirectory()
    this.close()
    this.open()
    this.#onRemade(this.directory)
  }

  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor)
  }

  /** Opens them. Errors: those of the file system. */
  open(): void {
    try {
      for (const folder of [this.directory, this.#owner.runtimeDirectory, this.#stateDir]) {
        this.#descriptors.push(openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY))
      }
    } catch (error) {
      this.close()
      throw error
    }
  }
}
