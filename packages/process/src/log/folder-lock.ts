import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { TerrariumError } from '@terrarium/supervisor/base'

export interface FolderLock {
  release(): Promise<void>
}

const LOOK_AGAIN_MS = 5

/**
 * Locks a folder, given by its real path, against other processes, other threads and this one. On Linux it is a name in
 * the abstract namespace of Unix sockets: it goes with its holder, however that ends, and nothing that is done to files
 * can lose it. Elsewhere there is none. `patience`: how long to wait for it, in ms. Errors: STATE_LOCKED.
 */
export async function lockFolder(realPath: string, patience = 0): Promise<FolderLock> {
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

async function listen(address: string): Promise<FolderLock> {
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
