// Surely begun, or surely not, over the socket and over gRPC: workers get SIGKILL while they run calls that leave a
// trace. The long form is the target `begun` of the chaos.
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { killWhileCalling, WAYS } from '../support/killing.ts'
import { Random } from '../support/random.ts'
import { habitat } from '../support/terrarium.ts'

const KILLS = 10

test.each(WAYS)(
  '$transport, concurrency $concurrency, async $isAsync: no call runs twice without a word',
  async (way) => {
    const home = habitat()
    const folder = join(home.directory, 'calls')
    const random = new Random(20261130, way.concurrency)
    const killed = await killWhileCalling({ ...way, kills: KILLS, random, folder, options: home.common })
    const { calls, crashed, crashedUnrun, kills, retried } = killed
    expect(killed).toMatchObject({ unsettled: 0, twice: 0, untrue: 0, strange: [], processesLeft: 0 })
    expect(calls).toBeGreaterThan(1_000)
    expect(crashed + retried).toBeGreaterThan(0)
    // A call that has begun leaves its trace at once, and one call begins at a time.
    expect(crashedUnrun).toBeLessThanOrEqual(kills)
  },
)
