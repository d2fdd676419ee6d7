/**
 * Declared here as @types/node and TypeScript's `esnext.disposable` declare it, with which it merges: a project whose `lib` has
 * neither compiles too.
 */
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/** What `await using` stops when its block is left. */
export interface Stoppable {
  [Symbol.asyncDispose](): Promise<void>
}

const symbol = Reflect.get(Symbol, 'asyncDispose') as symbol | undefined

/** `Symbol.asyncDispose` came with Node 20.5; before that a host has no `await using` that could ask for it. */
export const ASYNC_DISPOSE = (symbol ?? Symbol.for('Symbol.asyncDispose')) as typeof Symbol.asyncDispose
