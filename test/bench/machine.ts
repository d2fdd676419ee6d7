// The machine on which a benchmark runs, as the summary names it.
import { execFile } from 'node:child_process'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { promisify } from 'node:util'

/** Where bench rows were measured. Rows of two machines are not comparable. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  /** In bytes. */
  readonly memory: number
  readonly kernel: string
  readonly node: string
  readonly python: string
}

/** Rejects when the interpreter does not run. */
export async function describeMachine(python: string): Promise<Machine> {
  const { stdout } = await promisify(execFile)(python, ['-c', 'import platform; print(platform.python_version())'])
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    python: stdout.trim(),
  }
}
