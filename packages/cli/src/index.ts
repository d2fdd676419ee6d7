/// <reference types="node" preserve="true" />
export { main } from './main.ts'
export { inOrder } from './terminal/in-order.ts'
export { explain } from './terminal/explain.ts'
export { UsageError } from './terminal/usage-error.ts'
