// The messages of the protocol as an observer sends them: some fields that a source may leave out are always there.
import type * as protocol from '@terrarium/inspector/protocol'

/** The first message of an observer. */
export interface Hello extends protocol.Hello {
  readonly pid: number
  readonly host: string
  readonly node: string
  readonly actions: readonly protocol.Verb[]
  readonly asks: readonly protocol.Question['what'][]
}

/** The whole picture of an observer. */
export interface Snap extends protocol.Snap {
  readonly actors: readonly ActorView[]
  readonly events: readonly EventView[]
  readonly g: protocol.Numbers
  readonly verdict: readonly protocol.Verdict[]
  readonly series: readonly protocol.Sample[]
}

/** What has changed in the picture of an observer. */
export interface Delta extends protocol.Delta {
  readonly add?: readonly ActorView[]
  readonly events?: readonly EventView[]
}

/** Its states are words. */
export type Transition = readonly [at: number, from: string, to: string, event: string]

/** More about an actor of an observer. */
export interface Detail extends protocol.Detail {
  /** Of a process. */
  readonly transitions: readonly Transition[]
  readonly output: readonly protocol.OutputLine[]
}

/** An actor of an observer: its state is a word. */
export interface ActorView extends protocol.ActorView {
  readonly value: string
}

/** An event of an observer has a sentence, and says what caused it. */
export type EventView = Required<protocol.EventView>

export type Answer = protocol.Answer

/** What an observer says. */
export type FromObserver = Hello | Snap | Delta | Detail | Answer | protocol.Refusal
