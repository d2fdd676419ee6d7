import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { readIdentity, type Identity, type Runtime } from '@terrarium/process'
import { killStrays } from '../src/sweep/sweep-helper.ts'
import { processTable, startTicksOf } from '../src/table/table.ts'
import { silent } from '../../../test/support/loggers.ts'
import { isAlive } from '../../../test/support/processes.ts'
import { eventually } from '../../../test/support/waiting.ts'
import { decoy, freshState, open, python } from './support.ts'

const nap = 'import time; print("up", flush=True); time.sleep(60)'

/** A decoy with the given spawn tag. */
async function carrying(tag: string | undefined, code = nap): Promise<number> {
  const process = decoy(code, [], tag === undefined ? {} : { TERRARIUM_SPAWN: tag })
  await once(process.stdout, 'data')
  return process.pid ?? 0
}

/** The outcome that the sweep helper reports for one target. */
async function outcomeFor(target: Identity, interpreter = python): Promise<string | undefined> {
  // No containment is named: the target would have to be in it.
  const runtime = await open(freshState(), silent, { containment: 'shepherd' })
  const start = (request: Parameters<Runtime['spawn']>[0], input: string) =>
    // The helper is started by a shell, which hands it its targets on a file descriptor.
    runtime.spawn({
      ...request,
      command: 'sh',
      args: ['-c', 'printf %s "$0" | "$@"', input, interpreter, ...request.args],
    })
  return (await killStrays({ start, python: interpreter, logger: silent }, [target]))[0]
}

const other = 'fedcba9876543210:zzzzzzz:7-0123456789abcdef'

function identityOf(pid: number, tag = other): Identity {
  const [installation = '', run = '', spawn = ''] = tag.split(':')
  return { pid, startTicks: startTicksOf(pid) ?? 0, bootId: '', installation, run, spawn }
}

test('the sweep helper kills a process that matches its target exactly', async () => {
  const pid = await carrying(other)
  expect(await outcomeFor(readIdentity(pid) ?? identityOf(0))).toBe('killed')
  expect(isAlive(pid)).toBe(false)
})

test('18, 19: the sweep helper spares a process that differs from its target in one part', async () => {
  const pid = await carrying(other)
  const exact = identityOf(pid)
  const different: Identity[] = [
    { ...exact, startTicks: exact.startTicks + 1 },
    { ...exact, spawn: '8-0123456789abcdef' },
    { ...exact, spawn: '7-0123456789abcde' },
    { ...exact, run: 'zzzzzzy' },
    { ...exact, installation: 'fedcba987654321' },
  ]
  for (const target of different) expect(await outcomeFor(target)).toBe('mismatch')
  expect(await outcomeFor(identityOf(await carrying(undefined)))).toBe('mismatch')
  expect(await outcomeFor(identityOf(1))).toBe('mismatch')
  expect(isAlive(pid)).toBe(true)
})

test('the sweep helper spares a process whose environment is empty', async () => {
  const pid = await carrying(other, `print("up", flush=True); import os; os.execve("/bin/sleep", ["sleep", "60"], {})`)
  await eventually('its environment is empty', () => processTable().environment(pid) === 'empty')
  expect(await outcomeFor(identityOf(pid))).toBe('odd')
  expect(isAlive(pid)).toBe(true)
})

test('17: the sweep helper reports an exited target as gone, and a helper that cannot work kills no process', async () => {
  const pid = await carrying(other)
  const target = identityOf(pid)
  expect(await outcomeFor(target, '/bin/true')).toBe('failed')
  expect(isAlive(pid)).toBe(true)
  process.kill(pid, 'SIGKILL')
  expect(await outcomeFor({ ...target, pid: 4_000_000 })).toBe('gone')
})
