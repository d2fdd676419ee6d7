import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor'
import { explain, UsageError } from '../src/index.ts'
import { toJson } from '../src/terminal/json.ts'
import { table } from '../src/terminal/table.ts'

test('an error of ours is code, message and hint; a bug keeps its stack', () => {
  const error = new TerrariumError('CONFIGURATION', 'no module named grpc', { hint: 'pip install grpcio' })
  expect(explain(error)).toBe('CONFIGURATION: no module named grpc\nhint: pip install grpcio')
  expect(explain(new TerrariumError('STOPPED', 'it was stopped'))).toBe('STOPPED: it was stopped')
  expect(explain(new UsageError('Give a file.'))).toBe('Give a file.')
  expect(explain(new TypeError('x is not a function'))).toMatch(/^TypeError: x is not a function\n {4}at /)
})

test('values that JSON does not have', () => {
  expect(toJson(undefined)).toBe('null')
  expect(toJson({ bytes: Buffer.from([0, 255]), large: 2n ** 63n, list: [1n] })).toBe(
    '{"bytes":"AP8=","large":"9223372036854775808","list":["1"]}',
  )
})

test('columns are as wide as their widest cell, and lines do not end in blanks', () => {
  expect(
    table([
      ['PID', 'COMMAND'],
      ['12345', ''],
    ]),
  ).toBe('PID    COMMAND\n12345\n')
})
