import { chmodSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { habitat, testPython } from '../support/terrarium.ts'
import { figure, type Target } from './figure.ts'
import { measure } from './measure.ts'
import { runBench } from './run-bench.ts'
import type { BenchContext, Suite } from './suite.ts'
import { suites } from './suites.ts'

const PYTHON = testPython()
process.env.TERRARIUM_PYTHON = PYTHON

async function run(
  argv: readonly string[],
  { value = 20, target = { atLeast: 10 } }: { value?: number; target?: Target | null } = {},
) {
  const out: string[] = []
  const log: string[] = []
  const contexts: BenchContext[] = []
  const suite: Suite = {
    name: 'sums',
    description: 'adds numbers',
    run: (context) => {
      contexts.push(context)
      return Promise.resolve([
        figure({ name: 'sum', value, unit: 'sums/s', against: { name: 'abacus', value: 2 }, target }),
      ])
    },
  }
  const terminal = { out: (line: string) => out.push(line), log: (line: string) => log.push(line) }
  const code = await runBench([suite], argv, terminal)
  return { code, out: out.join('\n'), log: log.join('\n'), contexts }
}

test('without a suite, and for an unknown one, the suites are listed', async () => {
  expect(await run([])).toMatchObject({ code: 0, out: expect.stringContaining('sums  adds numbers') })
  expect(await run(['products'])).toMatchObject({
    code: 2,
    out: '',
    log: expect.stringContaining('sums  adds numbers'),
  })
})

test.each([[['sums', '--fast']], [['sums', 'sums']], [['sums', '--seed', 'x']], [['sums', '--seed']]])(
  'bad usage ends with 2 and runs nothing: %j',
  async (argv) => {
    expect(await run(argv)).toMatchObject({ code: 2, out: '', contexts: [], log: expect.stringContaining('usage:') })
  },
)

test.each(['wire', 'process'])(
  '%s: an interpreter that cannot run workers is refused before anything is measured',
  async (name) => {
    const python = habitat().file('python', `#!/bin/sh\nexec '${PYTHON}' -S "$@"\n`)
    chmodSync(python, 0o755)
    process.env.TERRARIUM_PYTHON = python
    const out: string[] = []
    const terminal = { out: (line: string) => out.push(line), log: () => undefined }
    await expect(runBench(suites, [name, '--quick'], terminal)).rejects.toThrow(/cannot run workers: .*'grpc'/)
    process.env.TERRARIUM_PYTHON = PYTHON
    expect(out).toEqual([])
  },
)

test('a missed target ends with 1, a met one and information with 0', async () => {
  expect(await run(['sums'])).toMatchObject({ code: 0, out: expect.stringMatching(/sum\s+20 .*× 10 .*≥ 10 .*yes/) })
  expect(await run(['sums'], { value: 19 })).toMatchObject({ code: 1, out: expect.stringMatching(/× 9.5 .*NO/) })
  expect(await run(['sums'], { value: 19, target: null })).toMatchObject({ code: 0 })
})

test('--json adds one object in the last line, --seed and --quick reach the suite', async () => {
  const { out, contexts } = await run(['sums', '--json', '--quick', '--seed', '7'])
  expect(contexts).toMatchObject([{ seed: 7, quick: true }])
  expect(JSON.parse(out.split('\n').at(-1) ?? '')).toEqual({
    suite: 'sums',
    seed: 7,
    machine: {
      cpu: expect.any(String),
      cores: expect.any(Number),
      memory: expect.any(Number),
      kernel: expect.any(String),
      node: process.versions.node,
      python: expect.stringMatching(/^3\./),
    },
    figures: [
      {
        name: 'sum',
        value: 20,
        unit: 'sums/s',
        against: { name: 'abacus', value: 2 },
        ratio: 10,
        target: { atLeast: 10 },
        met: true,
      },
    ],
  })
})

test('a target holds for the ratio, or for the value itself; what is no number meets none', () => {
  const against = { name: 'abacus', value: 10 }
  expect(figure({ name: 'sum', value: 7, unit: 'µs', against, target: { atMost: 0.7 } }).met).toBe(true)
  expect(figure({ name: 'sum', value: 7.1, unit: 'µs', against, target: { atMost: 0.7 } }).met).toBe(false)
  expect(figure({ name: 'left', value: 0, unit: 'processes', target: { atMost: 0 } })).toMatchObject({
    ratio: null,
    met: true,
  })
  expect(figure({ name: 'sum', value: NaN, unit: 'µs', against, target: { atMost: 0.7 } }).met).toBe(false)
})

test('a wrong answer fails the measurement', async () => {
  const options = {
    payloads: [Buffer.from('ab')],
    inFlight: 2,
    rounds: 1,
    duration: 1,
    signal: new AbortController().signal,
  }
  const liar = { name: 'liar', echo: () => Promise.resolve(Buffer.from('ac')) }
  await expect(measure([liar], options)).rejects.toThrow('liar answered 6162 with 6163')
})

test('contenders take turns, after a turn each to warm up', async () => {
  const turns: string[] = []
  const contender = (name: string) => ({
    name,
    echo: (payload: Buffer) => {
      if (turns.at(-1) !== name) turns.push(name)
      return Promise.resolve(payload)
    },
  })
  const options = {
    payloads: [Buffer.from('ab')],
    inFlight: 1,
    rounds: 2,
    duration: 1,
    signal: new AbortController().signal,
  }
  const [a] = await measure([contender('a'), contender('b')], options)
  expect(turns.join('')).toBe('ababab')
  expect(a?.rate).toBeGreaterThan(0)
})
