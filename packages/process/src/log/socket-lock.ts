// The lock of a reservation log between processes: a name that only one process at a time can listen on.
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { TerrariumError } from '@terrarium/supervisor/base'

/** A lock that is held. */
export interface SocketLock {
  /** Lets others have the lock. */
  release(): Promise<void>
}

/** Time between two tries, in ms. */
const LOOK_AGAIN_MS = 5

/**
 * Locks a folder, given by its real path, against other processes, other threads and a second lock in this thread. The
 * lock is a listening Unix socket in Linux's abstract namespace: the kernel frees it when the holder exits, and no
 * change of the folder's files loses it. On other systems nothing is locked. `patience`: how long to wait for the lock,
 * in ms, default 0. Errors: STATE_LOCKED.
 */
export async function lockBySocket(realPath: string, patience = 0): Promise<SocketLock> {
  if (process.platform !== 'linux') return { release: () => Promise.resolve() }
  const name = createHash('sha256').update(realPath).digest('hex').slice(0, 32)
  const end = performance.now() + patience
  for (;;) {
    try {
      return await listen(`\0terrarium-${name}`)
    } catch (cause) {
      if (performance.now() >= end) {
        throw new TerrariumError('STATE_LOCKED', `${realPath} is in use by another process`, { cause })
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

async function listen(address: string): Promise<SocketLock> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(address, resolve)
  })
  server.unref()
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  }
}
