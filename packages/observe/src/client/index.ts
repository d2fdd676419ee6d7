/**
 * What reads observers: finds the observers of all programs of this user, takes a picture of each, and follows events.
 * This door loads neither a pool nor XState, so a command that only looks is quick.
 * The messages are described in `@terrarium/inspector/protocol`.
 *
 * ```ts
 * import { takePictures } from '@terrarium/observe/client'
 *
 * for (const { hello, snap } of await takePictures()) {
 *   console.log(hello.name, snap.verdict[0]?.text)
 * }
 * ```
 */
/// <reference types="node" preserve="true" />
export { findSockets } from './find.ts'
export { follow, takePicture, takePictures, type Followed, type SocketPicture } from './connect.ts'
export type { ActorView, Delta, Detail, EventView, FromObserver, Hello, Snap } from '../messages.ts'
