// Which processes of a source are followed: what a reader watches, or all.
import { Life, type Fresh, type Supervised } from './life.ts'

/** What is followed: these actors, by their paths, or all. */
export type Followed = ReadonlySet<string> | 'all'

const NOTHING: Followed = new Set()

const NOTHING_FRESH: Fresh = { transitions: [], count: 0, left: 0 }

export class Lives {
  readonly #lives = new Map<string, Life>()
  readonly #look: (id: string) => Supervised | undefined
  readonly #now: () => number
  readonly #path: (id: string) => string
  followed: Followed = NOTHING

  /** `path`: of a process, by its id. */
  constructor(look: (id: string) => Supervised | undefined, now: () => number, path: (id: string) => string) {
    this.#look = look
    this.#now = now
    this.#path = path
  }

  /** `ids`: of all processes that there are. */
  follow(followed: Followed, ids: Iterable<string>): void {
    this.followed = followed
    for (const [id, life] of this.#lives) {
      if (this.#isFollowed(id)) continue
      life.detach()
      this.#lives.delete(id)
    }
    for (const id of ids) this.#take(id)
  }

  /** The supervisor has told something of this process. */
  heed(id: string): void {
    const life = this.#lives.get(id)
    if (life === undefined) this.#take(id)
    else life.heed()
  }

  /** A process that is not there any more. */
  forget(id: string): void {
    this.#lives.get(id)?.detach()
    this.#lives.delete(id)
  }

  after(id: string, count: number): Fresh {
    return this.#lives.get(id)?.after(count) ?? NOTHING_FRESH
  }

  detach(): void {
    this.follow(NOTHING, [])
  }

  #take(id: string): void {
    if (this.#lives.has(id) || !this.#isFollowed(id)) return
    this.#lives.set(id, new Life(() => this.#look(id), this.#now))
  }

  #isFollowed(id: string): boolean {
    return this.followed === 'all' || this.followed.has(this.#path(id))
  }
}
