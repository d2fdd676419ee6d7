/**
 * What looks at the system and starts nothing: processes with a spawn tag, and private folders for sockets. This door
 * loads neither LevelDB nor XState, so a command that only looks is quick.
 */
/// <reference types="node" preserve="true" />
export { findTagged } from './table/table.ts'
export { chooseSocketFolder, makePrivateFolder, socketBases } from './socket-folder.ts'
