// What is supervised: two pools, and the server that needs both.
import { fileURLToPath } from 'node:url'
import { pool, poolOf, type PoolAccess, type PoolOptions } from '@terrarium/pool'
import { createSupervisor } from '@terrarium/supervisor'
import { isListening, server } from './server.ts'

const optionsOf = (name: string, size: number): PoolOptions => ({
  name,
  size,
  tools: fileURLToPath(new URL(`../${name}.py`, import.meta.url)),
})

export type App = ReturnType<typeof createApp>

/**
 * `rest_for_one`: the server comes last, so it is started when both pools are ready and stopped before them. A pool
 * that fails takes along what stands behind it; a worker that fails is the affair of its pool.
 */
export function createApp() {
  const poolNamed = (name: 'words' | 'primes'): PoolAccess => poolOf(app.child(name))
  const app = createSupervisor({
    id: 'app',
    strategy: 'rest_for_one',
    children: [
      { id: 'words', logic: pool(optionsOf('words', 2)), type: 'supervisor' },
      { id: 'primes', logic: pool(optionsOf('primes', 1)), type: 'supervisor' },
      { id: 'server', logic: server, input: { poolNamed }, ready: isListening },
    ],
  })
  return app
}
