/**
 * Shows the actors, statecharts and events of any XState application in a local page. This is the door for Node.
 *
 * ```ts
 * import { createInspector } from '@terrarium/inspector'
 * import { createActor, createMachine } from 'xstate'
 *
 * const inspector = createInspector({ print: () => undefined }) // by default it prints its address
 * const machine = createMachine({ initial: 'red', states: { red: { on: { GO: 'green' } }, green: {} } })
 * const light = createActor(machine, { id: 'light', inspect: inspector.inspect })
 * light.start()
 * light.send({ type: 'GO' })
 * console.log(light.getSnapshot().value) // green
 * console.log(new URL(await inspector.address).hostname) // 127.0.0.1
 * await inspector.close()
 * ```
 */
export { createInspector, type Inspector, type InspectorOptions } from './node/inspector.ts'
export { InspectorError, type InspectorErrorCode } from './shared/inspector-error.ts'
export type { StatelyAdapter, StatelyMessage, StatelySnapshot } from './shared/stately.ts'
export type { Redact } from './shared/redact.ts'
