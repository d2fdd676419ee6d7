import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'

test('the suites run with node:test as they do here', () => {
  const code = `
    import { test } from 'node:test'
    import { describeBackoff, describeFailureClassifier, describeRestartStrategy } from '@terrarium/supervisor/testing'
    const plan = ({ id }, _, { memory = 0 }) => ({ actions: [{ action: 'park', child: id, for: 5 }], memory: memory + 1 })
    describeRestartStrategy({ name: 'parker', plan }, { test, runs: 5 })
    describeBackoff({ base: 10 }, { test, runs: 2 })
    describeFailureClassifier(() => undefined, { test })
  `
  const { status, stdout } = spawnSync(process.execPath, ['--test-reporter=tap', '--input-type=module', '-e', code], {
    cwd: new URL('..', import.meta.url),
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  })
  const said = Array.from(stdout.matchAll(/^# (?:pass|fail) \d+$/gm), ([line]) => line)
  expect([status, said]).toEqual([0, ['# pass 25', '# fail 0']])
})
