// The three folders of an open run, kept while the run lives: its directory, its runtime directory (for sockets) and
// the state directory. They lie where other programs clean up.
import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { makeRun, makeRuntimeDirectory, type Owner } from './run.ts'
import { openInstallation, runsDirectory } from './state-directory.ts'

/**
 * The folders that a run needs until it is closed. The shepherd locks them, on descriptors that it shares with the host
 * (see `terrarium_shepherd/folders.py`): `systemd-tmpfiles` leaves locked folders alone. A folder that is removed all
 * the same is made again.
 */
export class RunFolders {
  /** The run folder, `<stateDir>/runs/<run id>`. */
  readonly directory: string
  readonly #stateDir: string
  readonly #owner: Owner
  readonly #onRemade: (directory: string) => void
  readonly #descriptors: number[] = []

  /** `onRemade`: called with the run folder after it was made again. */
  constructor(stateDir: string, owner: Owner, onRemade: (directory: string) => void) {
    this.#stateDir = stateDir
    this.#owner = owner
    this.#onRemade = onRemade
    this.directory = join(runsDirectory(stateDir), owner.run)
  }

  /** Open descriptors of the run folder, the runtime directory and the state directory, to be locked. */
  get descriptors(): readonly number[] {
    return this.#descriptors
  }

  /** Makes the runtime directory again, if it was removed. Errors: START_FAILED, and those of the file system. */
  ensureRuntimeDirectory(): void {
    makeRuntimeDirectory(this.#owner)
  }

  /** Makes the run folder again, with an empty folder for its log. Errors: see {@link openInstallation}. */
  remakeRun(): void {
    openInstallation(this.#stateDir, this.#owner.installation)
    makeRun(this.#stateDir, this.#owner)
    this.ensureRuntimeDirectory()
    this.close()
    this.open()
    this.#onRemade(this.directory)
  }

  /** Closes the descriptors. */
  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor)
  }

  /** Opens the descriptors. Errors: those of the file system. */
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
