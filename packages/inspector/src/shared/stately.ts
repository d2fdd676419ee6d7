// Says what a tap says in the messages of @statelyai/inspect, so that Stately's own viewers can show it. It reads the
// protocol of this package, and so it says no more than a page is told: values are shortened, and secrets redacted.
import type { Snapshot } from 'xstate'
import { plainOf } from './plain-value.ts'
import type { ActorView, Detail, EventView, FromSource, NodeView } from './protocol.ts'
import { configOf } from './stately-config.ts'
import type { Connection, Tap } from './tap.ts'

/** The version of @statelyai/inspect whose messages these are. Its receivers want one. */
const VERSION = '0.7.2'

interface Base {
  /** Of the actor, unique among all that one inspector tells. */
  readonly sessionId: string
  readonly rootId: string
  readonly id: string
  /** Ms since 1970, as a text. */
  readonly createdAt: string
  readonly _version: string
}

/** What is told of a snapshot: it is shortened. */
export type StatelySnapshot = Snapshot<unknown> & { readonly value?: unknown; readonly context?: unknown }

/** A message of @statelyai/inspect. */
export type StatelyMessage =
  | (Base & {
      readonly type: '@xstate.actor'
      readonly name: string
      readonly parentId: string | undefined
      /** JSON of a configuration that `createMachine()` takes. */
      readonly definition: string
      readonly snapshot: StatelySnapshot
    })
  | (Base & {
      readonly type: '@xstate.event'
      readonly event: { readonly type: string; readonly [field: string]: unknown }
      readonly sourceId: string | undefined
    })
  | (Base & {
      readonly type: '@xstate.snapshot'
      readonly event: { readonly type: string }
      readonly snapshot: StatelySnapshot
    })

/** What takes the messages: an adapter of @statelyai/inspect, for example from `createWebSocketInspector()`. */
export interface StatelyAdapter {
  send(message: StatelyMessage): void
}

export const isAdapter = (value: unknown): value is StatelyAdapter =>
  typeof value === 'object' && value !== null && 'send' in value && typeof value.send === 'function'

/** Tells an adapter all that a tap hears. An adapter that throws is told nothing more. */
export function connectStately(tap: Tap, adapter: StatelyAdapter, buffered = (): number => 0): Connection {
  const writer = new StatelyWriter(adapter)
  const send = (text: string): void => {
    writer.take(JSON.parse(text) as FromSource)
  }
  return tap.connect({ send, buffered }, { watchesAll: true })
}

/** Turns the messages of a source into Stately's. Every actor has to be watched: a snapshot is told with its detail. */
class StatelyWriter {
  readonly #adapter: StatelyAdapter
  readonly #actors = new Map<string, ActorView>()
  readonly #definitions = new Map<string, string>()
  #count = 0

  constructor(adapter: StatelyAdapter) {
    this.#adapter = adapter
  }

  take(message: FromSource): void {
    if (message.t === 'snap' || message.t === 'd') {
      for (const [id, node] of Object.entries(message.machines ?? {})) this.#define(id, node)
      for (const actor of (message.t === 'snap' ? message.actors : message.add) ?? []) this.#meet(actor)
      for (const [id, change] of (message.t === 'd' && message.set) || []) {
        const actor = this.#actors.get(id)
        if (actor !== undefined) this.#actors.set(id, { ...actor, ...change } as ActorView)
      }
      for (const event of message.events ?? []) this.#tellEvent(event)
      for (const id of (message.t === 'd' && message.del) || []) this.#actors.delete(id)
    } else if (message.t === 'detail') this.#tellSnapshot(message)
  }

  #define(id: string, node: NodeView): void {
    this.#definitions.set(id, JSON.stringify(configOf(node)))
  }

  #meet(actor: ActorView): void {
    const { id, name, parent: parentId, machine, born } = actor
    const isKnown = this.#actors.has(id)
    this.#actors.set(id, actor)
    if (isKnown) return
    const definition = this.#definitions.get(machine ?? '') ?? JSON.stringify({ id: name })
    const snapshot = snapshotOf(actor, undefined)
    this.#adapter.send({ type: '@xstate.actor', ...this.#base(id, born), name, parentId, definition, snapshot })
  }

  #tellEvent([, at, from, to, type, payload]: EventView): void {
    const fields = payload === undefined ? undefined : plainOf(payload)
    const event = { ...(typeof fields === 'object' ? fields : {}), type }
    const sourceId = from === '' ? undefined : from
    this.#adapter.send({ type: '@xstate.event', ...this.#base(to, at), event, sourceId })
  }

  #tellSnapshot({ id, now, snapshot }: Detail): void {
    const actor = this.#actors.get(id)
    if (actor === undefined) return
    const event = { type: actor.last ?? '' }
    const told = snapshotOf(actor, plainOf(snapshot))
    this.#adapter.send({ type: '@xstate.snapshot', ...this.#base(id, now), event, snapshot: told })
  }

  #base(sessionId: string, at: number): Base {
    this.#count += 1
    return { sessionId, rootId: this.#rootOf(sessionId), id: `${this.#count}`, createdAt: `${at}`, _version: VERSION }
  }

  #rootOf(id: string): string {
    const parent = this.#actors.get(id)?.parent
    return parent === undefined || !this.#actors.has(parent) ? id : this.#rootOf(parent)
  }
}

/** `fields`: what the detail of a machine or other actor says, or a text when its snapshot is no longer there. */
function snapshotOf({ status, value, error: message }: ActorView, fields: unknown): StatelySnapshot {
  const { context, output, error = message } = (typeof fields === 'object' ? fields : {}) as Partial<StatelySnapshot>
  const told = { status, ...(value !== '' && { value }), ...(context !== undefined && { context }), output, error }
  return told as StatelySnapshot
}
