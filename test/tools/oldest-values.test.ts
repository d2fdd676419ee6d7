import { expect } from '@jest/globals'
import { createPool } from '@terrarium/pool'
import { habitat } from '../support/terrarium.ts'
import { refuse, rows, walk, without } from '../support/value-calls.ts'
import { refusedRows, VALUE_TOOLS } from '../support/values.ts'
import { testUnless } from '../support/when.ts'

const oldest = process.env.TERRARIUM_PYTHON_OLDEST

testUnless(
  oldest === undefined ? 'no environment with the oldest packages is named in TERRARIUM_PYTHON_OLDEST' : undefined,
)('the table of values holds with the oldest packages that are supported', async () => {
  const pool = createPool({
    ...habitat().common,
    name: 'values',
    tools: VALUE_TOOLS,
    concurrency: 16,
    python: oldest ?? '',
  })
  await pool.start()
  expect(pool.stats.ready).toBe(1)
  await walk(pool, without(rows))
  await refuse(pool, without(refusedRows))
  await pool.stop()
})
