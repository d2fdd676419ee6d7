// `terrarium tree`: the pools, supervisors and their children of all observed programs of this user.
import type { ActorView, SocketPicture } from '@terrarium/observe/client'
import { lastFailures, observedPrograms, programOf } from '../programs.ts'
import { colours, cut, isTerminal, writeJson } from '../terminal/output.ts'
import { duration, mebibytes } from '../terminal/units.ts'

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

function linesOf(picture: SocketPicture): readonly Line[] {
  const { hello, snap } = picture
  const failures = lastFailures(picture)
  const { bold, red, yellow, green } = colours()
  const plain = (text: string): string => text
  const paints = { bad: red, warn: yellow, good: green }
  const children = new Map<string | undefined, ActorView[]>()
  for (const actor of snap.actors) children.set(actor.parent, [...(children.get(actor.parent) ?? []), actor])
  const lines: Line[] = [{ text: `${hello.name} (pid ${hello.pid})`, paint: bold }]
  for (const { level, text, command } of snap.verdict) {
    lines.push({ text: `  ${text}`, paint: paints[level] })
    if (command !== undefined) lines.push({ text: `  run  ${command}`, paint: bold })
  }
  const add = (parent: string | undefined, indent: string): void => {
    const list = children.get(parent) ?? []
    for (const [index, actor] of list.entries()) {
      const isLast = index === list.length - 1
      const isBad = actor.value === 'parked' || actor.value === 'backing_off'
      const text = `${indent}${isLast ? '└─' : '├─'} ${describe(actor, hello.now, failures.get(actor.id))}`
      lines.push({ text, paint: isBad ? red : plain })
      add(actor.id, `${indent}${isLast ? '   ' : '│  '}`)
    }
  }
  add(undefined, '')
  return lines
}

function describe(actor: ActorView, now: number, failure: string | undefined): string {
  const { name, kind, value, incarnation = 0, pid, up, rss, calls, ready, size, since } = actor
  const { restarts: { crashes = 0 } = {}, error = failure } = actor
  return [
    `${name}  ${value}`,
    kind === 'other' ? '' : kind,
    size === undefined ? '' : `${ready ?? 0}/${size} ready`,
    pid === undefined ? '' : `pid ${pid}`,
    up === undefined ? `since ${duration(now - since)}` : `up ${duration(now - up)}`,
    rss === undefined ? '' : mebibytes(rss),
    calls === undefined ? '' : counted(calls, 'call', 'calls'),
    incarnation > 1 ? counted(incarnation - 1, 'restart', 'restarts') : '',
    crashes === 0 ? '' : counted(crashes, 'crash', 'crashes'),
    error === undefined ? '' : `last failure: ${error}`,
  ]
    .filter((part) => part !== '')
    .join('  ')
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`
