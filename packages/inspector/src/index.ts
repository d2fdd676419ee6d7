// @terrarium/inspector: shows the actors, statecharts and events of any XState application in a local page. This is the
// door for Node.
export { createInspector, type Inspector, type InspectorOptions } from './node/inspector.ts'
export { InspectorError, type InspectorErrorCode } from './shared/inspector-error.ts'
export type { Redact } from './shared/redact.ts'
