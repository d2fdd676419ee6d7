import { expect, test } from '@jest/globals'
import { isAlive, stateOf } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { ended, freshState, startHost } from './support.ts'

/** A host is killed. Its children are gone within two seconds, whatever they are doing. */
test.each(['idle', 'busy', 'gil', 'ignore-everything', 'stubborn'])(
  'I1: a child that is %s dies with its host',
  async (mode) => {
    const host = startHost(freshState(), 'hold', mode, mode)
    const { children } = await host.next()
    expect(children.map(({ pid }) => isAlive(pid))).toEqual([true, true])
    host.child.kill('SIGKILL')
    await ended(host.child)
    await eventually('the children are gone', () => !children.some(({ pid }) => isAlive(pid)), 2000)
  },
)

test.each(['lifeline-only', 'parent-only'])(
  '52: each death signal alone ends a child, also while the GIL is held: %s',
  async (guard) => {
    const host = startHost(freshState(), 'hold', `gil ${guard}`, `busy ${guard}`)
    const { children } = await host.next()
    expect(children.map(({ pid }) => isAlive(pid))).toEqual([true, true])
    host.child.kill('SIGKILL')
    await ended(host.child)
    await eventually('the children are gone', () => !children.some(({ pid }) => isAlive(pid)), 2000)
  },
)

test('a stopped child dies with its host', async () => {
  const host = startHost(freshState(), 'hold', 'idle')
  const { children } = await host.next()
  const pid = children[0]?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  await eventually('the child is stopped', () => stateOf(pid) === 'T')
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('the stopped child is gone', () => !isAlive(pid), 2000)
})

test('a child that arms itself only after its host has died ends at once', async () => {
  const host = startHost(freshState(), 'hold', 'outlive-then-arm')
  const { children } = await host.next()
  expect(children[0]?.said).toBe('waiting\n')
  host.child.kill('SIGKILL')
  await ended(host.child)
  await eventually('the late child is gone', () => !isAlive(children[0]?.pid ?? 0), 2000)
})

test('children live on while the host is stopped for a moment', async () => {
  const host = startHost(freshState(), 'hold', 'idle', 'idle')
  const { children } = await host.next()
  host.child.kill('SIGSTOP')
  await eventually('the host is stopped', () => stateOf(host.child.pid ?? 0) === 'T')
  host.child.kill('SIGCONT')
  await eventually('the host continues', () => stateOf(host.child.pid ?? 0) !== 'T')
  expect(children.map(({ pid }) => isAlive(pid))).toEqual([true, true])
  host.child.kill('SIGKILL')
  await eventually('the children are gone', () => !children.some(({ pid }) => isAlive(pid)), 2000)
})
