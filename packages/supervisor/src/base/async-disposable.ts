/**
 * Declared here as @types/node and TypeScript's `esnext.disposable` declare it, with which it merges: a project whose
 * `lib` has neither compiles too.
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

type AsyncDispose = typeof Symbol.asyncDispose

/** `Symbol.asyncDispose` came with Node 20.5; before that a host has no `await using` that could ask for it. */
export const ASYNC_DISPOSE: AsyncDispose = asyncDisposeOf(Symbol)

function asyncDisposeOf({ asyncDispose }: { readonly asyncDispose?: AsyncDispose }): AsyncDispose {
  return asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as AsyncDispose)
}
