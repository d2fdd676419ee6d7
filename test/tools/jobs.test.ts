import { expect, jest, test } from '@jest/globals'
import { run } from '../support/command.ts'
import { environment, expectSameFigures } from '../support/main-job.ts'
import { habitat } from '../support/terrarium.ts'

jest.setTimeout(300_000)

test("the main job's output for all of the standard library is the same with and without chaos", async () => {
  // The interpreter's own: about 660 files in Debian's, 1,800 where its own tests are part of it.
  expect(await expectSameFigures(habitat())).toBeGreaterThan(500)
})

test('every claim of npm run demo:missing-module holds', async () => {
  const home = habitat()
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'demo:missing-module'], {
    env: environment(home),
  })
  const broken = [...stdout.matchAll(/^.* NO .*$/gm)].map(([line]) => line)
  expect({ broken, stderr, code }).toEqual({ broken: [], stderr: '', code: 0 })
  expect(stdout).toContain('CONFIGURATION')
  expect(stdout).toMatch(/processes left: 0/i)
})
