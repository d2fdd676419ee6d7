/**
 * What sources and readers say to each other, for programs that are one of them. This door loads nothing else. The
 * messages are described in docs/observe-protocol.md.
 */
export { PROTOCOL_VERSION } from './shared/protocol.ts'
export { MESSAGE_BYTES } from './shared/limits.ts'
export { readMessage, refusal, VERBS } from './shared/read-message.ts'
export { plainOf } from './shared/plain-value.ts'
export type * from './shared/protocol.ts'
