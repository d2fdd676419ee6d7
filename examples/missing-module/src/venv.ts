// A virtual environment without packages.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mustRun, runCommand } from './commands.ts'

const COPY = fileURLToPath(new URL('../copy_packages.py', import.meta.url))

/** A virtual environment with pip and nothing else. */
export class BareVenv {
  readonly python: string
  readonly #base: string

  private constructor(folder: string, base: string) {
    this.python = join(folder, 'bin', 'python')
    this.#base = base
  }

  /** @param base the interpreter it is made from, which has the packages itself */
  static async make(folder: string, base: string, signal: AbortSignal): Promise<BareVenv> {
    await mustRun(base, ['-m', 'venv', folder], signal)
    return new BareVenv(folder, base)
  }

  /**
   * Runs the command that an error names. Without a network the packages are copied from the interpreter that this one
   * was made from.
   */
  async repair(
    command: string,
    packages: readonly string[],
    signal: AbortSignal,
  ): Promise<{ by: 'pip' | 'copy'; command: string; why: string }> {
    const pip = await runCommand('/bin/sh', ['-c', command], signal)
    if (pip.code === 0) return { by: 'pip', command, why: '' }
    const script = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    const target = (await mustRun(this.python, ['-I', '-c', script], signal)).trim()
    await mustRun(this.#base, ['-I', COPY, target, ...packages], signal)
    return { by: 'copy', command, why: pip.output.trim().split('\n').at(-1) ?? '' }
  }
}
