import { expect, test } from '@jest/globals'
import { TerrariumError } from '@terrarium/supervisor/base'
import { explain, UsageError } from '../src/index.ts'
import { NdArray } from '@terrarium/pool'
import { toJson } from '../src/terminal/json.ts'
import { table } from '../src/terminal/table.ts'

test('a TerrariumError is shown as code, message and hint; a bug keeps its stack', () => {
  const error = new TerrariumError('CONFIGURATION', 'no module named grpc', { hint: 'pip install grpcio' })
  expect(explain(error)).toBe('CONFIGURATION: no module named grpc\nhint: pip install grpcio')
  expect(explain(new TerrariumError('STOPPED', 'it was stopped'))).toBe('STOPPED: it was stopped')
  expect(explain(new UsageError('Give a file.'))).toBe('Give a file.')
  expect(explain(new TypeError('x is not a function'))).toMatch(/^TypeError: x is not a function\n {4}at /)
})

test('bytes and large integers are printed as strings', () => {
  expect(toJson(undefined)).toBe('null')
  expect(toJson({ bytes: Buffer.from([0, 255]), large: 2n ** 63n, list: [1n] })).toBe(
    '{"bytes":"AP8=","large":"9223372036854775808","list":["1"]}',
  )
})

test('Maps, Sets, arrays of numbers and Dates are printed as JSON', () => {
  expect(
    toJson(
      new Map<unknown, unknown>([
        [1, 'a'],
        [null, new Set([2n])],
      ]),
    ),
  ).toBe('{"1":"a","null":["2"]}')
  expect(
    toJson(
      new Map<unknown, unknown>([
        [1, 'a'],
        ['1', 'b'],
      ]),
    ),
  ).toBe('[[1,"a"],["1","b"]]')
  expect(toJson(new Map([[[1, 2], 'a']]))).toBe('[[[1,2],"a"]]')
  expect(toJson([new Float32Array([1.5]), new BigInt64Array([1n])])).toBe('[[1.5],["1"]]')
  expect(toJson(new NdArray(new Uint8Array([1, 2]), [2, 1]))).toBe('{"data":[1,2],"shape":[2,1],"dtype":"uint8"}')
  expect(toJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
})

test('columns are as wide as their widest cell, and lines do not end in blanks', () => {
  expect(
    table([
      ['PID', 'COMMAND'],
      ['12345', ''],
    ]),
  ).toBe('PID    COMMAND\n12345\n')
})
