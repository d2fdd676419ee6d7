// The programs of this user that are observed, and the actors in them.
import { takePictures, type ActorView, type SocketPicture } from '@terrarium/observe/client'
import { TerrariumError } from '@terrarium/supervisor/base'
import { duration } from './terminal/units.ts'

/** A program in the JSON of every command. */
export interface Program {
  readonly name: string
  readonly pid: number
  readonly started: number
}

export const programOf = ({ hello }: SocketPicture): Program => {
  const { name, pid, started } = hello
  return { name, pid, started }
}

/** The observed programs, oldest first. Throws STOPPED when there is none. */
export async function observedPrograms(): Promise<readonly SocketPicture[]> {
  const pictures = await takePictures()
  if (pictures.length === 0) {
    throw new TerrariumError('STOPPED', 'no program of this user is observed', {
      hint: 'Add `await observe(pool)`, of @terrarium/observe, to the program, and start it.',
    })
  }
  return pictures
}

/**
 * What each actor failed with last, as far as the kept events tell: `WORKER_CRASHED: …, 3m ago`. Of an actor that is
 * not well again its `error` says more.
 */
export function lastFailures({ hello, snap }: SocketPicture): ReadonlyMap<string, string> {
  const failures = new Map<string, string>()
  for (const [, at, , actor, type, , text] of snap.events) {
    const [, why] = /\.exit$/.test(type) ? (/^(?:exited|ended): (?!(?:normal|shutdown)\b)(.*)$/s.exec(text) ?? []) : []
    if (why !== undefined) failures.set(actor, `${why}, ${duration(hello.now - at)} ago`)
  }
  return failures
}

export interface Found {
  readonly picture: SocketPicture
  readonly actor: ActorView
}

/** The actors that a name means: of this path, else those whose path ends with it. */
export function findActors(pictures: readonly SocketPicture[], name: string): readonly Found[] {
  const all = pictures.flatMap((picture) => picture.snap.actors.map((actor) => ({ picture, actor })))
  const exact = all.filter(({ actor }) => actor.id === name)
  return exact.length > 0 ? exact : all.filter(({ actor }) => actor.id.endsWith(`/${name}`))
}
