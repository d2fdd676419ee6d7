// The chaos's handle on a runtime host.
import { fileURLToPath } from 'node:url'
import { Subject, type Said } from './subject.ts'
import type { Context } from './target.ts'

const LOADS = fileURLToPath(new URL('../../chaos/loads.py', import.meta.url))

/** A host with processes of its own, see `runtime-host.ts`. */
export class RuntimeSubject extends Subject {
  readonly #python: string

  constructor({ level, python, folder }: Context, stateDir: string, { reapInterval = 1_000 } = {}) {
    super('runtime-host.js', [stateDir, python, String(reapInterval)], level, folder())
    this.#python = python
  }

  /** Starts a process under a load, see `loads.py`, and waits until the load has begun. */
  async start(id: string, ...load: readonly string[]): Promise<{ pid: number; spawn: string }> {
    this.tell({ do: 'start', id, ...this.command(...load) })
    return this.ready(id)
  }

  command(...load: readonly string[]): { command: string; args: readonly string[] } {
    return { command: this.#python, args: ['-I', '-S', '-c', IMPORT_FROM_FOLDER, LOADS, ...load] }
  }

  async ready(id: string): Promise<{ pid: number; spawn: string }> {
    const { pid, spawn } = await this.hear('ready', (said) => said['id'] === id)
    return { pid: pid as number, spawn: spawn as string }
  }

  async exit(id: string): Promise<Said> {
    return this.hear('exited', (said) => said['id'] === id)
  }

  /** Closes the host in order. Returns what it prints of that. */
  async close(): Promise<Said> {
    this.tell({ do: 'close' })
    const closed = await this.hear('closed')
    await this.exited
    return closed
  }
}

/** An isolated interpreter does not search the folder of its script by itself. */
const IMPORT_FROM_FOLDER =
  'import sys, os; sys.argv = sys.argv[1:]; sys.path.insert(0, os.path.dirname(sys.argv[0])); exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))'
