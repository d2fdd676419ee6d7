import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { ROOT } from '../support/command.ts'

const SET_UP = join(ROOT, 'test', 'browser', 'set-up.mjs')
const SCRIPT = `
const { default: setUp, VARIABLE } = await import(${JSON.stringify(SET_UP)})
setUp()
console.log(JSON.stringify(process.env[VARIABLE]))`

/** The set-up on a machine without Chromium, and without the means to install it. */
const setUp = (env: Readonly<Record<string, string>>) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], {
    encoding: 'utf8',
    env: { PATH: '/nonexistent', ...env },
  })

test('without Chromium the tests in a browser are to be skipped', () => {
  expect(setUp({})).toMatchObject({ status: 0, stdout: '""\n' })
})

test('on a CI machine a missing Chromium is a failure, which names the command', () => {
  expect(setUp({ CI: 'true' })).toMatchObject({ status: 1, stderr: expect.stringMatching(/apt-get install chromium/) })
})
