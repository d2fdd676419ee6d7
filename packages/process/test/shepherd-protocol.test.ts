import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { launch } from '../src/shepherd/launch.ts'
import { Shepherd } from '../src/shepherd/shepherd.ts'
import { registrationOf } from './registration.ts'
import { onEnd } from './support.ts'

// Shell scripts stand in for the shepherd, with news that the real shepherd rarely or never sends.

const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tt-'))
  onEnd(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

test('a shepherd of another version is refused', async () => {
  const folder = temporaryFolder()
  const script = `echo '{"type":"hello","version":8,"pid":1}' >&4; read -r _; exit 0`
  const child = await launch({ ...registrationOf('1-0'), command: 'sh', args: ['-c', script], env: {} })
  await expect(Shepherd.start(child, join(folder, 's.fifo'))).rejects.toMatchObject({
    code: 'START_FAILED',
    message: 'the shepherd speaks version 8 of its protocol, not 7',
  })
  await child.process.reaped
  expect(readdirSync(folder)).toEqual([])
})

test('a shepherd without a lifeline is an error, and is ended', async () => {
  const folder = temporaryFolder()
  // This shepherd reports that it has started, and has made no lifeline.
  const script = `echo '{"type":"hello","version":7,"pid":1}' >&4; read -r _; exit 0`
  const child = await launch({ ...registrationOf('1-0'), command: 'sh', args: ['-c', script], env: {} })
  await expect(Shepherd.start(child, join(folder, 's.fifo'))).rejects.toMatchObject({
    code: 'START_FAILED',
    message: expect.stringMatching(/^the shepherd cannot be reached: ENOENT/) as unknown,
    hint: expect.stringContaining('s.fifo was removed') as unknown,
  })
  expect(await child.process.reaped).toEqual({ code: 0, signal: null })
  expect(readdirSync(folder)).toEqual([])
})

test('close() waits for the shepherd until all its news has been read', async () => {
  const folder = temporaryFolder()
  const lifeline = join(folder, 's.fifo')
  // A shepherd that clears its last process only when it is closed.
  const script = `mkfifo '${lifeline}'; say() { echo "$1" >&4; }
say '{"type":"hello","version":7,"pid":1,"containment":"shepherd","cgroup":null,"missing":{}}'
read -r _; read -r _
say '{"type":"spawned","spawn":"2-0","pid":1,"startTicks":1}'; say '{"type":"exited","spawn":"2-0","code":0,"signal":null}'
read -r _; say '{"type":"cleared","spawn":"2-0"}'; exit 0`
  const child = await launch({ ...registrationOf('1-0'), command: 'sh', args: ['-c', script], env: {} })
  const waits: boolean[] = []
  const waitFor = (on: boolean): void => {
    waits.push(on)
    child.waitFor(on)
  }
  const shepherd = await Shepherd.start({ ...child, waitFor }, lifeline)
  const { process } = await shepherd.launch({ ...registrationOf('2-0'), command: 'true', args: [], env: {} })
  await process.reaped
  await shepherd.close()
  await process.cleared
  expect(await child.process.reaped).toEqual({ code: 0, signal: null })
  const [first, ...later] = waits
  expect({ first, later: [...new Set(later)] }).toEqual({ first: false, later: [true] })
})
