// `terrarium events`: what happened in the observed programs of this user, with causes, and what happens from now on.
import { plainOf } from '@terrarium/inspector/protocol'
import { follow, type EventView } from '@terrarium/observe/client'
import { observedPrograms, programOf, type Program } from '../programs.ts'
import { colours, writeJson } from '../terminal/output.ts'
import { timeOfDay } from '../terminal/units.ts'

export interface EventsOptions {
  readonly json?: boolean
  readonly follow?: boolean
  readonly of?: string
}

/** Runs `terrarium events`. Resolves with the exit code. */
export async function events(options: EventsOptions, signal: AbortSignal): Promise<number> {
  const pictures = await observedPrograms()
  const print = printer(options)
  if (options.follow !== true) {
    pictures
      .flatMap((picture) => picture.snap.events.map((event) => ({ program: programOf(picture), event })))
      .sort((a, b) => a.event[1] - b.event[1])
      .forEach(({ program, event }) => {
        print(program, event)
      })
    return 0
  }
  await Promise.all(
    pictures.map(async (picture) => {
      const program = programOf(picture)
      let last = 0
      for await (const { message } of follow(picture.socket, { signal })) {
        if (message.t !== 'snap' && message.t !== 'd') continue
        for (const event of message.events ?? []) {
          if (event[0] > last) print(program, event)
          last = Math.max(last, event[0])
        }
      }
    }),
  )
  return 0
}

function printer({ json = false, of }: EventsOptions): (program: Program, event: EventView) => void {
  const { dim, red } = colours()
  const isMeant = (actor: string): boolean => of === undefined || actor === of || actor.startsWith(`${of}/`)
  return (program, [n, at, , actor, type, facts, text, because, incident]) => {
    if (!isMeant(actor)) return
    if (json) {
      writeJson({ program, n, at, actor, type, facts: plainOf(facts), text, because, incident })
      return
    }
    const cause = because === null ? '' : dim(`  because of ${because}`)
    const shown = /failed|parked|exited: (?!normal|shutdown)/.test(text) ? red(text) : text
    process.stdout.write(`${dim(timeOfDay(at))} ${program.pid} ${n} ${actor}  ${shown}${cause}\n`)
  }
}
