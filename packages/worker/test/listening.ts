// A server that listens in a folder of its own, for the tests of the protocol: made before each test and closed after
// it, on a virtual clock. A test fails if an error is caught by nothing.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from '@jest/globals'
import { VirtualClock } from '@terrarium/supervisor/testing'
import { watchUncaught } from '../../../test/support/failures.ts'
import { SessionServer } from '../src/session-server.ts'

export interface Listening {
  directory: string
  server: SessionServer
  clock: VirtualClock
  /** What the server has warned of. */
  readonly warnings: string[]
}

/** `close` ends what a test has connected. The fields belong to the present test. */
export function listening(close: () => void): Listening {
  const ignore = (): void => undefined
  const warnings: string[] = []
  const warn = (_: object, text: string): void => void warnings.push(text)
  const logger = { debug: ignore, info: ignore, warn, error: ignore, child: () => logger }
  const here = { warnings } as Listening
  let watch: ReturnType<typeof watchUncaught>

  beforeEach(async () => {
    here.directory = mkdtempSync(join(tmpdir(), 'terrarium-test-'))
    here.clock = new VirtualClock()
    warnings.length = 0
    watch = watchUncaught()
    here.server = await SessionServer.listen(here.directory, { clock: here.clock, logger })
  })

  afterEach(async () => {
    close()
    here.server.close()
    await watch.end()
    rmSync(here.directory, { recursive: true })
    expect(watch.uncaught).toEqual([])
  })
  return here
}
