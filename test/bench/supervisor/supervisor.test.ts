import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { lastLine, run } from '../../support/command.ts'
import { findErlang } from '../../support/erlang.ts'
import { processesWith } from '../../support/processes.ts'
import { testPython } from '../../support/terrarium.ts'
import { testUnless } from '../../support/when.ts'
import type { Figure } from '../figure.ts'

const PROGRAM = `
  import { main } from './test/dist/bench/main.js'
  process.exitCode = await main(process.argv.slice(1))
`

const erlang = await findErlang(new AbortController().signal)

/** Runs the built suite, whose processes all have the tag in their environment. */
function bench(tag: string, onStderr?: (text: string) => void) {
  return run(process.execPath, ['--input-type=module', '--eval', PROGRAM, 'supervisor', '--quick', '--json'], {
    env: { TERRARIUM_PYTHON: testPython(), BENCH_TEST: tag },
    ...(onStderr === undefined ? {} : { onStderr }),
  })
}

test('every row of the suite is there, and all that can be measured here is a number', async () => {
  const tag = randomBytes(8).toString('hex')
  const { code, stdout, stderr } = await bench(tag)
  // At this size it says nothing whether targets are met.
  expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: expect.not.stringContaining('Error') })
  expect([0, 1]).toContain(code)

  const { figures } = JSON.parse(lastLine(stdout)) as { figures: Figure[] }
  expect([...new Set(figures.map(({ name }) => name))]).toEqual([
    'start 500 dynamic children, each awaited',
    'start 500 dynamic children, each awaited, default mode',
    'start 500 dynamic children, each awaited, with --max-semi-space-size=64',
    'start 500 dynamic children, issued at once',
    'start 500 dynamic children, issued at once, default mode',
    'start 500 dynamic children, issued at once, with --max-semi-space-size=64',
    'stop 500 children',
    'stop 500 children, default mode',
    'stop 5,000 children',
    '500 restarts in sequence among 5 children',
    '500 restarts in sequence among 5 children, default mode without backoff, breaker and limits',
    '500 children crash at once, until all run again',
    '500 children crash at once, until all run again, default mode without backoff, breaker and limits',
    '500 restarts in sequence among 500 children',
    '500 restarts in sequence among 500 children, default mode without backoff, breaker and limits',
    'cost per restart among 500 children',
    'restarts in sequence with a journal, among 5 children',
    'one_for_all restart of 50 children',
    'one_for_all restart of 50 children, default mode without backoff, breaker and limits',
    'send to a supervised child',
    'memory of a child, of 5,000',
    'memory of a child, of 5,000, static children',
    'memory of a child, of 5,000, beyond the bare actor',
    'crash to the new initial snapshot, p50 with 50 children',
    'crash to the new initial snapshot, p50 with 50 children, default mode without backoff, breaker and limits',
  ])
  for (const { name, value, against, ratio, target, met } of figures) {
    expect({ name, value }).toEqual({ name, value: expect.any(Number) })
    if (against !== null) expect({ name, isNumber: Number.isFinite(ratio) }).toEqual({ name, isNumber: true })
    expect({ name, judged: met !== null }).toEqual({ name, judged: target !== null })
  }
  const rivals = new Set(figures.map(({ against }) => against?.name.replace(/ \d+$/, '')))
  expect([...rivals]).toEqual(
    expect.arrayContaining(['bare XState', 'nact', ...(erlang.installed ? ['Erlang/OTP'] : [])]),
  )
  // F10: the row in which each start is awaited, as in Erlang.
  const judged = figures.filter(({ name, target }) => name.startsWith('start ') && target !== null)
  expect(judged.map(({ name }) => name)).toEqual(erlang.installed ? ['start 500 dynamic children, each awaited'] : [])
  expect(processesWith(`BENCH_TEST=${tag}`)).toEqual([])
})

testUnless(erlang.installed ? undefined : erlang.reason)('Erlang/OTP is among the rivals', () => {
  expect(erlang).toMatchObject({ release: expect.stringMatching(/^\d+$/) })
})

test('an interrupted bench ends with 130 and leaves no process behind', async () => {
  const tag = randomBytes(8).toString('hex')
  let isInterrupted = false
  const running = bench(tag, (text) => {
    if (isInterrupted || !text.includes('stop 5,000 children')) return
    isInterrupted = true
    process.kill(running.pid, 'SIGINT')
  })
  const { code, stdout, stderr } = await running
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toContain('interrupted')
  expect(processesWith(`BENCH_TEST=${tag}`)).toEqual([])
})
