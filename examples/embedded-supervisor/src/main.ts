// The main program: plays a demonstration of failures, or with `--serve` serves until a signal.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createApp } from './app.ts'
import { Dependency } from './dependency.ts'
import { play } from './play.ts'
import { openService } from './service.ts'

/**
 * Resolves with the exit code: 0 after a signal, or if the service answered as it should throughout the demonstration.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { serve: { type: 'boolean' } } })
  const dependency = new Dependency()
  await dependency.up()
  const app = createApp(dependency.port)
  const service = await openService(app)
  try {
    if (values.serve !== true) return (await play(service.url, app, dependency)) ? 0 : 1
    await serve(service.url, dependency)
    return 0
  } finally {
    await service.close()
    dependency.down()
  }
}

/** Serves until SIGTERM or SIGINT. Enter takes the dependency away, and gives it back. */
async function serve(url: string, dependency: Dependency): Promise<void> {
  const toldToEnd = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  const keys = createInterface(process.stdin).on('line', () => {
    if (dependency.isUp) dependency.down()
    else void dependency.up()
    console.log(`the dependency is ${dependency.isUp ? 'up' : 'down'}`)
  })
  console.log(`listening on ${url}; press Enter to take the dependency away and to give it back`)
  await toldToEnd
  keys.close()
}
