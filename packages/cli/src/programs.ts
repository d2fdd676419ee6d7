// The programs of this user that are observed, and the actors in them.
import { takePictures, type ActorView, type SocketPicture } from '@terrarium/observe/client'
import { TerrariumError } from '@terrarium/supervisor/base'

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
