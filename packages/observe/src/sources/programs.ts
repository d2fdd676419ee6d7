// The children of a supervisor that are programs, kept or not: their processes, their memory, and what they print.
import type { OutputLine } from '@terrarium/inspector/protocol'
import type { ProgramEvent, ProgramSnapshot } from '@terrarium/process'
import type { AnyActorRef } from 'xstate'
import { shortened } from '../events.ts'
import type { ActorView } from '../messages.ts'
import { MemoryReader } from './memory.ts'

/** Lines that are kept of what a process prints, and characters of each. */
export const LINES = 20
export const LINE = 500

interface Program {
  ref: AnyActorRef
  readonly output: OutputLine[]
  readonly memory: MemoryReader
  subscription: { unsubscribe(): void }
}

export class Programs {
  readonly #programs = new Map<string, Program>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes a life of a program. What the lives before it have printed stays. */
  adopt(child: string, ref: AnyActorRef): void {
    const known = this.#programs.get(child)
    known?.subscription.unsubscribe()
    const output = known?.output ?? []
    // Told only of a program with the option `lines`.
    const subscription = ref.on('program.line', (event) => {
      const { stream, line } = event as Extract<ProgramEvent, { type: 'program.line' }>
      output.push({ at: this.#now(), stream, line: shortened(line, LINE) })
      if (output.length > LINES) output.shift()
    })
    this.#programs.set(child, { ref, output, memory: known?.memory ?? new MemoryReader(), subscription })
  }

  /** The fields of a program that has a process. */
  viewOf(child: string): Pick<ActorView, 'pid' | 'rss'> {
    const program = this.#programs.get(child)
    const { status, pid } = (program?.ref.getSnapshot() ?? {}) as Partial<ProgramSnapshot>
    if (program === undefined || status !== 'active' || pid === undefined) return {}
    const rss = program.memory.of(pid, this.#now())
    return { pid, ...(rss === undefined ? {} : { rss }) }
  }

  outputOf(child: string): readonly OutputLine[] | undefined {
    return this.#programs.get(child)?.output
  }

  /** A program that is not there any more. */
  forget(child: string): void {
    this.#programs.get(child)?.subscription.unsubscribe()
    this.#programs.delete(child)
  }

  detach(): void {
    for (const { subscription } of this.#programs.values()) subscription.unsubscribe()
  }
}
