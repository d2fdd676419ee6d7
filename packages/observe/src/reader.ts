// One reader of an observer: the way to it, the way back, and what it was told.
import type { Detail } from './messages.ts'

/** The way to one reader: a socket, say. Its methods may throw: then the reader is dropped. */
export interface ReaderPort {
  readonly send: (text: string) => void
  /** Bytes that are not sent yet. */
  readonly buffered: () => number
  /** Who reads, for the record of actions: `127.0.0.1:50123`, say. */
  readonly address?: string
  readonly close: () => void
}

/** The way back from one reader. */
export interface ReaderConnection {
  /** Takes one message: a JSON text. */
  readonly receive: (text: string) => void
  /** The reader is gone. */
  readonly closed: () => void
}

export interface Reader {
  readonly port: ReaderPort
  watched: readonly string[]
  /** What it was told last of each watched actor, and of how many of its transitions. */
  readonly details: Map<string, { readonly detail: Detail; readonly count: number }>
  /** When it became slow; undefined: it keeps up. */
  slowSince: number | undefined
  /** Events that it has missed since then. */
  missed: number
}

/** Infinite for a reader that is broken. */
export function bufferedOf({ port }: Reader): number {
  try {
    return port.buffered()
  } catch {
    return Infinity
  }
}
