import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { guardLogger, type AnyLogger } from '@terrarium/process'
import { TerrariumError } from '@terrarium/supervisor/base'
import { pino } from 'pino'
import { boom, FAILURES, hostileLoggers, failOnUncaught } from '../../../test/support/failures.ts'
import { turn } from '../../../test/support/waiting.ts'

const { printed } = failOnUncaught()

const writeAll = (log: AnyLogger): void => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    log[level]({ n: 1 }, 'told')
    log.child({ more: 2 })[level]({}, 'told too')
  }
}

test('lines go to the given logger, with its bindings and ours', () => {
  const lines: Record<string, unknown>[] = []
  const sink = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }
  const log = guardLogger(pino({ level: 'debug' }, sink).child({ app: 'a' }), { pool: 'p' })
  writeAll(guardLogger(log, { run: 'r' }))
  expect(lines).toHaveLength(8)
  expect(lines[0]).toMatchObject({ app: 'a', pool: 'p', run: 'r', n: 1, msg: 'told', level: 20 })
  expect(lines[7]).toMatchObject({ app: 'a', pool: 'p', run: 'r', more: 2, msg: 'told too', level: 50 })
})

test.each(Object.entries(FAILURES).filter(([how]) => how !== 'nonsense'))(
  'a logger that fails by %s in any of its methods is reported once',
  async (_, fail) => {
    for (const logger of hostileLoggers(fail)) {
      printed.length = 0
      writeAll(guardLogger(logger as AnyLogger, { pool: 'p' }))
      await turn()
      expect(printed).toHaveLength(1)
      expect(printed[0]?.[0]).toBe('[terrarium] the logger failed:')
    }
  },
)

test('bindings that a logger does not take are in its lines', () => {
  const told: object[] = []
  const write = (facts: object): void => void told.push(facts)
  const logger = { debug: write, info: write, warn: write, error: write, child: () => undefined as never }
  guardLogger(logger, { pool: 'p' }).child({ run: 'r' }).error({ n: 1 }, 'told')
  expect(told).toEqual([{ pool: 'p', run: 'r', n: 1 }])
})

test('what a serializer of the user’s throws does not stop the caller', () => {
  const serializers = { err: () => { throw boom } } // prettier-ignore
  writeAll(guardLogger(pino({ serializers }, { write: () => undefined }), { err: 1 }))
  expect(printed).toEqual([['[terrarium] the logger failed:', boom]])
})

test('an error of the stream that a logger writes to does not end this process, though other loggers share it', async () => {
  const stream = (): Writable => new Writable({ write: (_chunk, _encoding, done) => { done(boom) } }) // prettier-ignore
  const one = pino({}, stream())
  const many = pino({}, pino.multistream([{ stream: stream() }, { stream: stream() }]))
  for (const logger of [one, many]) {
    printed.length = 0
    for (const name of ['p', 'q']) writeAll(guardLogger(logger, { pool: name }))
    await turn()
    expect(printed).toEqual([['[terrarium] the logger failed:', boom]])
  }
})

test('pino’s serialiser of errors prints the hint as a part of the stack, and as a field', () => {
  const lines: string[] = []
  const cause = new TerrariumError('CONFIGURATION', 'the cause', { hint: 'Mend the cause.' })
  const err = new TerrariumError('PARKED', 'parked', { hint: 'Do this first.', cause, details: { pool: 'p' } })
  guardLogger(pino({}, { write: (line: string) => lines.push(line) }), {}).error({ err }, 'told')
  const told = JSON.parse(lines[0] ?? '{}') as { err: Record<string, string> }
  expect(told.err).toMatchObject({ code: 'PARKED', hint: 'Do this first.', details: { pool: 'p' } })
  expect(told.err['stack']).toMatch(/Hint: Do this first\.[^]*Hint: Mend the cause\./)
})
