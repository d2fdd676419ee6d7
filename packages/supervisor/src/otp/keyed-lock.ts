// Locks by key, each held by an actor and released when the actor ends.
import type { AnyActorRef } from 'xstate'
import { TerrariumError } from '../base/errors.ts'
import { isOver, whenOver } from '../actor/exit.ts'

/** One holder per key at a time, first come, first served (N11). */
export class KeyedLock<TKey> {
  /** By key: settled when the last holder in the line has released the lock. */
  readonly #tails = new Map<TKey, Promise<void>>()

  /** See `Registry.lock`. */
  async hold<T>(key: TKey, holder: AnyActorRef, work: () => T | PromiseLike<T>): Promise<T> {
    const before = this.#tails.get(key)
    let release = (): void => undefined
    const tail = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#tails.set(key, tail)
    try {
      await before
      return await whileAlive(holder, work)
    } finally {
      release()
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}

async function whileAlive<T>(holder: AnyActorRef, work: () => T | PromiseLike<T>): Promise<T> {
  const gone = new TerrariumError('STOPPED', `actor ${holder.id} has ended, and its lock with it`, {
    details: { actor: holder.id },
  })
  if (isOver(holder)) throw gone
  let forget = (): void => undefined
  const end = new Promise<never>((_resolve, reject) => {
    const subscription = whenOver(holder, () => {
      reject(gone)
    })
    forget = () => {
      subscription.unsubscribe()
    }
  })
  end.catch(() => undefined) // not awaited if `work` throws
  try {
    return await Promise.race([end, work()])
  } finally {
    forget()
  }
}
