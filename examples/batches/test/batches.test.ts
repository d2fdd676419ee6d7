import { expect, test } from '@jest/globals'
import { run } from '../../../test/support/command.ts'
import { habitat } from '../../../test/support/terrarium.ts'

test('npm run demo:batches makes few queries of many calls, and each caller has its own answer', async () => {
  const env = { TERRARIUM_STATE_DIR: habitat().stateDir }
  const { code, stdout } = await run('npm', ['run', '--silent', 'demo:batches'], { env })
  const lines = stdout.trim().split('\n')
  const queries = Number(/^queries: (\d+)$/.exec(lines[2] ?? '')?.[1])
  expect(lines).toEqual([
    '100 callers, each with its own price',
    'the caller with an unknown article: LookupError: no article sku-none',
    `queries: ${queries}`,
    'stopped; processes left: 0',
  ])
  expect(queries).toBeGreaterThanOrEqual(2) // a batch has at most 64
  expect(queries).toBeLessThan(101)
  expect(code).toBe(0)
})
