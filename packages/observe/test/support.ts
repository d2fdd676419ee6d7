// What the tests of the observer share: observers that are stopped, readers in memory, and their messages.
import { afterEach } from '@jest/globals'
import { habitats } from '@terrarium/pool/testing'
import { observe, type Observable, type ObserveOptions, type Observer, type ReaderPort } from '@terrarium/observe'
import type { Refusal } from '@terrarium/inspector/protocol'
import type { Delta, Detail, FromObserver, Hello, Snap } from '@terrarium/observe/client'

/** A folder and a logger for one test. */
export const habitat = habitats(afterEach)

const observers = new Set<Observer>()

afterEach(async () => {
  await Promise.all([...observers].map((observer) => observer.stop()))
  observers.clear()
})

/** An observer that is stopped at the end of the test; without a socket unless the test asks for one. */
export async function observing(
  observables: Observable | readonly Observable[],
  options: ObserveOptions = {},
): Promise<Observer> {
  const observer = await observe(observables, { socket: false, name: 'test', ...options })
  observers.add(observer)
  return observer
}

type Kinds = { hello: Hello; snap: Snap; d: Delta; detail: Detail; error: Refusal }

/** A reader in memory. */
export class MemoryReader implements ReaderPort {
  readonly messages: FromObserver[] = []
  bytes = 0
  isClosed = false

  readonly send = (text: string): void => {
    this.messages.push(JSON.parse(text) as FromObserver)
  }
  readonly buffered = (): number => this.bytes
  readonly close = (): void => {
    this.isClosed = true
  }

  of<T extends keyof Kinds>(kind: T): readonly Kinds[T][] {
    return this.messages.filter(({ t }) => t === kind) as unknown as readonly Kinds[T][]
  }

  last<T extends keyof Kinds>(kind: T): Kinds[T] {
    const last = this.of(kind).at(-1)
    if (last === undefined) throw new Error(`there was no ${kind}`)
    return last
  }
}
