/**
 * The `terrarium` command, and what it does with errors and signals, for programs of your own that run in a terminal.
 *
 * ```ts
 * import { inOrder } from '@terrarium/cli'
 *
 * const exitCode = await inOrder(async (signal) => {
 *   console.log(signal.aborted) // false
 *   return 3
 * })
 * console.log(exitCode) // 3
 * ```
 */
// The `terrarium` command, and what programs of one's own that run in a terminal can use of it.
/// <reference types="node" preserve="true" />
export { main } from './main.ts'
export { inOrder } from './terminal/in-order.ts'
export { openInBrowser } from './terminal/browser.ts'
export { explain } from './terminal/explain.ts'
export { UsageError } from './terminal/usage-error.ts'
