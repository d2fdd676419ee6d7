// The `terrarium` command, and what programs of one's own that run in a terminal can use of it.
/// <reference types="node" preserve="true" />
export { main } from './main.ts'
export { inOrder } from './terminal/in-order.ts'
export { explain } from './terminal/explain.ts'
export { UsageError } from './terminal/usage-error.ts'
