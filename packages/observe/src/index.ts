/**
 * Sees pools and supervisors: one bus of events with their causes, a picture of every actor, and a private socket for
 * the `terrarium` command. `observe` is all that a program needs; `@terrarium/observe/client` reads what it shows.
 *
 * ```ts
 * import { observe } from '@terrarium/observe'
 * import { createPool } from '@terrarium/pool'
 *
 * const pool = createPool({ name: 'text', tools: './tools.py', size: 2 })
 * const observer = await observe(pool) // now `terrarium ps` shows it
 * await pool.start()
 * await pool.stop()
 * console.log(observer.events.at(-1)?.text) // exited: shutdown
 * await observer.stop()
 * ```
 */
/// <reference types="node" preserve="true" />
export { observe, type Observable, type ObserveOptions, type Observer } from './observe.ts'
export type { Health, HealthStatus } from './health.ts'
export { mount, type Mounted, type MountOptions } from './mount.ts'
export type { EventFacts, ObservedEvent, ParkFacts, ReasonFacts } from './events.ts'
export type { ReaderConnection, ReaderPort } from './reader.ts'
