// Makes handles usable with `await using`, also where TypeScript or Node do not know `Symbol.asyncDispose`.

/**
 * Declared here as @types/node and TypeScript's `esnext.disposable` declare it, with which it merges: a project whose
 * `lib` has neither compiles too.
 */
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

/** An object that `await using` stops at the end of its block. */
export interface Stoppable {
  [Symbol.asyncDispose](): Promise<void>
}

type AsyncDispose = typeof Symbol.asyncDispose

/** `Symbol.asyncDispose`, or its registered stand-in before Node 20.5, where `await using` does not exist. */
export const ASYNC_DISPOSE: AsyncDispose = asyncDisposeOf(Symbol)

function asyncDisposeOf({ asyncDispose }: { readonly asyncDispose?: AsyncDispose }): AsyncDispose {
  return asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as AsyncDispose)
}
