// `terrarium status`: one actor of an observed program: its state, since when, why, what repairs it, its last lines.
import type { OutputLine } from '@terrarium/inspector/protocol'
import { takePicture, type ActorView } from '@terrarium/observe/client'
import { TerrariumError } from '@terrarium/supervisor/base'
import { findActors, observedPrograms, programOf, type Program } from '../programs.ts'
import { exitCodeOfActor, NOT_FOUND } from '../terminal/exit-codes.ts'
import { colours, writeJson } from '../terminal/output.ts'
import { duration, mebibytes, timeOfDay } from '../terminal/units.ts'
import { explain } from '../terminal/explain.ts'

export interface StatusOptions {
  readonly json?: boolean
}

/** How many lines of output are shown to a person. */
const LINES = 10

/** Runs `terrarium status`. Resolves with the exit code. */
export async function status(name: string, { json = false }: StatusOptions): Promise<number> {
  const pictures = await observedPrograms()
  const found = findActors(pictures, name)
  const [first] = found
  if (first === undefined || found.length > 1) {
    const known = (found.length > 1 ? found.map(({ actor }) => actor) : pictures.flatMap(({ snap }) => snap.actors))
      .slice(0, 10)
      .map(({ id }) => id)
    const what = found.length > 1 ? `${found.length} actors are named ${name}` : `no actor is named ${name}`
    const error = new TerrariumError('INVALID_ARGUMENT', what, {
      hint: `Give one of these paths: ${known.join(', ')}.`,
    })
    process.stderr.write(`${explain(error)}\n`)
    return NOT_FOUND
  }
  const { actor, picture } = first
  const { details } = await takePicture(picture.socket, [actor.id])
  const output = details[0]?.output ?? []
  if (json) writeJson({ program: programOf(picture), actor, output })
  else process.stdout.write(textOf(programOf(picture), actor, output, picture.hello.now))
  return exitCodeOfActor(actor)
}

function textOf(program: Program, actor: ActorView, output: readonly OutputLine[], now: number): string {
  const { green, red, yellow, bold } = colours()
  const { id, kind, value, since, pid, incarnation, restarts, rss, up, calls, inFlight } = actor
  const { size, ready, diagnosis, error, until } = actor
  const paint = { 0: green, 78: red }[exitCodeOfActor(actor)] ?? yellow
  const facts: (readonly [string, string | undefined])[] = [
    ['since', `${duration(now - since)} ago`],
    ['program', `${program.name} (pid ${program.pid})`],
    ['pid', pid === undefined ? undefined : String(pid)],
    ['up', up === undefined ? undefined : duration(now - up)],
    ['memory', rss === undefined ? undefined : mebibytes(rss)],
    ['life', incarnation === undefined ? undefined : String(incarnation)],
    ['failures', restarts && `${restarts.crashes}, and ${restarts.wanted} wanted restarts`],
    ['ready', size === undefined ? undefined : `${ready ?? 0} of ${size} workers`],
    ['calls', calls === undefined ? undefined : String(calls)],
    ['in flight', inFlight === undefined ? undefined : String(inFlight)],
    ['next start', until === undefined ? undefined : 'when its delay is over'],
    ['why', diagnosis === undefined ? error : `${diagnosis.code}: ${diagnosis.title}`],
    ...(diagnosis?.facts ?? []),
    ['hint', diagnosis?.text], // in the words of the program, whose pool it is
    ['run', diagnosis?.command === undefined ? undefined : bold(diagnosis.command)],
  ]
  const lines = facts.flatMap(([name, text]) => (text === undefined ? [] : [`  ${name.padEnd(12)}${text}`]))
  const printed = output.slice(-LINES).map(({ at, stream, line }) => `  ${timeOfDay(at)} ${stream}  ${line}`)
  return `${[`${id}  ${paint(value)}  ${kind}`, ...lines, ...printed].join('\n')}\n`
}
