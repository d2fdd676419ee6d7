import { expect, test } from '@jest/globals'
import { mustEnd, run } from '../support/command.ts'
import { TRANSPORTS } from '../support/transport.ts'
import { parseRequest, PARTS } from './request.ts'

test.each(TRANSPORTS.flatMap((transport) => PARTS.map((part) => [part, transport] as const)))(
  'what a %s reads over %s, damaged: a clear error, or none, and nothing is left',
  async (part, transport) => {
    const args = ['--seed', '7', '--count', '3000', '--part', part, '--transport', transport]
    const ran = await run('npm', ['run', '--silent', 'fuzz', '--', ...args])
    mustEnd(ran, 0, 'fuzz: clean')
    const counts = [...ran.stdout.matchAll(/(\d+) mutated frames, 0 faults/g)].map(([, frames]) => Number(frames))
    expect(counts.length).toBeGreaterThan(0)
    for (const frames of counts) expect(frames).toBeGreaterThanOrEqual(300)
    expect(Math.max(...counts)).toBeGreaterThanOrEqual(3_000)
  },
)

test('bad arguments are refused', () => {
  expect(parseRequest(['--count', 'many'])).toBe('--count must be a whole number, not many')
  expect(parseRequest(['--part', 'broker'])).toBe('--part must be one of host, worker, not broker')
  expect(parseRequest(['--transport', 'pigeon'])).toBe(
    `--transport must be one of ${TRANSPORTS.join(', ')}, not pigeon`,
  )
  expect(parseRequest(['--seed', '3', '--only', '4'])).toEqual({
    seed: 3,
    count: 200_000,
    parts: PARTS,
    transports: TRANSPORTS,
    only: 4,
  })
})
