// `terrarium tree`: the pools, supervisors and their children of all observed programs of this user.
import type { ActorView, SocketPicture } from '@terrarium/observe/client'
import { observedPrograms, programOf } from '../programs.ts'
import { colours, cut, isTerminal, writeJson } from '../terminal/output.ts'
import { duration } from '../terminal/units.ts'

export interface TreeOptions {
  readonly json?: boolean
  readonly wide?: boolean
}

/** Runs `terrarium tree`. Resolves with the exit code. */
export async function tree({ json = false, wide = false }: TreeOptions): Promise<number> {
  const pictures = await observedPrograms()
  if (json) {
    writeJson({
      programs: pictures.map((picture) => ({
        ...programOf(picture),
        verdict: picture.snap.verdict,
        actors: picture.snap.actors,
      })),
    })
    return 0
  }
  const columns = isTerminal() && !wide ? process.stdout.columns : Infinity
  for (const picture of pictures) {
    for (const line of linesOf(picture)) process.stdout.write(`${line.paint(cut(line.text, columns))}\n`)
  }
  return 0
}

interface Line {
  readonly text: string
  readonly paint: (text: string) => string
}

function linesOf({ hello, snap }: SocketPicture): readonly Line[] {
  const { bold, red, yellow, green } = colours()
  const plain = (text: string): string => text
  const paints = { bad: red, warn: yellow, good: green }
  const children = new Map<string | undefined, ActorView[]>()
  for (const actor of snap.actors) children.set(actor.parent, [...(children.get(actor.parent) ?? []), actor])
  const lines: Line[] = [{ text: `${hello.name} (pid ${hello.pid})`, paint: bold }]
  for (const { level, text } of snap.verdict) lines.push({ text: `  ${text}`, paint: paints[level] })
  const add = (parent: string | undefined, indent: string): void => {
    const list = children.get(parent) ?? []
    for (const [index, actor] of list.entries()) {
      const isLast = index === list.length - 1
      const isBad = actor.value === 'parked' || actor.value === 'backing_off'
      const text = `${indent}${isLast ? '└─' : '├─'} ${describe(actor, hello.now)}`
      lines.push({ text, paint: isBad ? red : plain })
      add(actor.id, `${indent}${isLast ? '   ' : '│  '}`)
    }
  }
  add(undefined, '')
  return lines
}

function describe(actor: ActorView, now: number): string {
  const { name, kind, value, incarnation = 0, restarts, pid, ready, size, error, since } = actor
  const count = (restarts?.crashes ?? 0) + (restarts?.wanted ?? 0)
  return [
    `${name}  ${value}`,
    kind === 'other' ? '' : kind,
    size === undefined ? '' : `${ready ?? 0}/${size} ready`,
    pid === undefined ? '' : `pid ${pid}`,
    incarnation > 1 ? `life ${incarnation}` : '',
    count === 0 ? '' : `${count} restarts`,
    `since ${duration(now - since)}`,
    error ?? '',
  ]
    .filter((part) => part !== '')
    .join('  ')
}
