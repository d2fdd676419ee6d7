import { spawnSync } from 'node:child_process'
import { expect } from '@jest/globals'
import { testUnless } from '../support/when.ts'
import { bin, nodeOf, NODES, PYTHON, stranger } from './stranger.ts'

/** A user id that no system has. */
const UNKNOWN_USER = 54_321

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can become another user'
  const { status } = spawnSync(PYTHON, ['-c', ''], { uid: UNKNOWN_USER, gid: UNKNOWN_USER, env: {} })
  return status === 0 ? undefined : 'there is no Python here that another user may run'
}

const without = whyNot()

for (const node of NODES) {
  testUnless(without)(`A1: on ${node} an ordinary user id with an empty home runs, calls and keeps`, async () => {
    const me = stranger(UNKNOWN_USER)
    const printed = '{ to: 2, be: 2, or: 1, not: 1 }\n{ processesLeft: 0 }\n'
    expect(await me.run('node', ['main.mjs'], { node })).toMatchObject({ code: 0, stdout: printed, stderr: '' })
    const args = ['call', 'tools.py', 'word_count', '{"text": "to be"}']
    expect(await me.must('node', [bin('terrarium'), ...args], { node })).toBe('{"to":1,"be":1}\n')
    expect(await me.must('node', ['keep.mjs'], { node })).toBe('running true\nstopped\n')
  })
}

testUnless(without)('A1: an ordinary user id runs the doctor, and no process is left', async () => {
  const me = stranger(UNKNOWN_USER)
  expect(await me.must('npx', ['terrarium', 'doctor'])).toMatch(/^trial worker +ready and answering/m)
  expect(await me.must(nodeOf('newest'), [bin('terrarium'), 'ps'])).not.toContain('_boot.py')
})
