import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { lastLine, run } from '../../support/command.ts'
import { processesWith } from '../../support/processes.ts'
import { testPython } from '../../support/terrarium.ts'
import { CONTAINMENTS, testUnless, withoutContainments } from '../../support/when.ts'
import type { Figure } from '../figure.ts'

const PROGRAM = `
  import { main } from './test/dist/bench/main.js'
  process.exitCode = await main(process.argv.slice(1))
`

const lacks = await withoutContainments()

let tag: string
let folder: string

beforeEach(() => {
  tag = randomBytes(8).toString('hex')
  // Short: sockets are in here.
  folder = mkdtempSync(join(tmpdir(), 'b-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/**
 * Runs the built suite. All its processes have the tag in their environment, and all its files are in the folder.
 */
function bench(onStderr?: (text: string) => void) {
  return run(process.execPath, ['--input-type=module', '--eval', PROGRAM, 'process', '--quick', '--json'], {
    env: {
      TERRARIUM_PYTHON: testPython(),
      BENCH_TEST: tag,
      TMPDIR: folder,
      XDG_RUNTIME_DIR: folder,
    },
    ...(onStderr === undefined ? {} : { onStderr }),
  })
}

const processesLeft = (): number[] => processesWith(`BENCH_TEST=${tag}`)

test('every row of the suite is there, and all that can be measured here is a number', async () => {
  const { code, stdout, stderr } = await bench()
  // At this size it says nothing whether targets are met.
  expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.not.stringContaining('Error') })
  expect([0, 1]).toContain(code)

  const { figures } = JSON.parse(lastLine(stdout)) as { figures: Figure[] }
  const judged = figures
    .filter(({ target }) => target !== null)
    .map(({ name }) => name.replace(/, (pidns|cgroup|shepherd)$/, ''))
  expect([...new Set(judged)]).toEqual([
    'reservation, p50 at 1',
    'reservations at 64',
    'start Python to its first byte',
    'SIGKILL to exited, p50',
    'event loop blocked by 10 starts at once, in total',
    'event loop blocked by 10 starts at once, in total, the first of a host',
    'SIGKILL to worker.exit of the pool, p50',
    'a pool of 8 light workers, until all are ready',
    'SIGKILL of the shepherd to 4 times exited, p95',
    'sweep of a dead run with 5 records among 50 foreign processes',
    'shepherd, PSS',
  ])
  for (const { name, value, against, ratio, target, met } of figures) {
    expect({ name, value }).toEqual({ name, value: expect.any(Number) })
    if (against !== null) expect({ name, isNumber: Number.isFinite(ratio) }).toEqual({ name, isNumber: true })
    expect({ name, judged: met !== null }).toEqual({ name, judged: target !== null })
  }
  // F10: as many raw syncs at a time as reservations.
  const many = figures.filter(({ name, target }) => name === 'reservations at 64' && target !== null)
  expect(many.map(({ against }) => against?.name)).toEqual(['raw fdatasync at 64, in any order'])
  const measured = CONTAINMENTS.filter((level) => figures.some(({ name }) => name === `shepherd, PSS, ${level}`))
  expect(measured).toEqual(CONTAINMENTS.filter((level) => lacks[level] === undefined))
  expect({ processes: processesLeft(), files: readdirSync(folder) }).toEqual({ processes: [], files: [] })
})

for (const level of CONTAINMENTS) {
  const reason = lacks[level]
  if (reason !== undefined) testUnless(reason)(`the figures of level ${level}`, () => undefined)
}

test.each(['processes from start to end', 'hosts that sweep'])(
  'a bench that is interrupted at "%s" ends with 130 and leaves no process and no file behind',
  async (moment) => {
    let isInterrupted = false
    const running = bench((text) => {
      if (isInterrupted || !text.includes(moment)) return
      isInterrupted = true
      process.kill(running.pid, 'SIGINT')
    })
    const { code, stdout, stderr } = await running
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toContain('interrupted')
    expect({ processes: processesLeft(), files: readdirSync(folder) }).toEqual({ processes: [], files: [] })
  },
)
