import { expect, test } from '@jest/globals'
import { decode, encode, ValueCodec } from '@terrarium/worker'
import { inspect } from 'node:util'
import { apartRows, javascriptValue, refusedRows, same, segmentsOf, sentRows } from '../../../test/support/values.ts'

const name = (text: string): string => text.replaceAll('%', '%%')

test.each(sentRows.filter(({ to }) => to !== 'javascript').map((row) => [name(row.javascript), row] as const))(
  'the table: %s is sent',
  (_, { javascript, wire }) => {
    expect(encode(javascriptValue(javascript)).toString('hex')).toBe(wire)
  },
)

test.each(sentRows.filter(({ to }) => to !== 'python').map((row) => [name(row.javascript), row] as const))(
  'the table: %s arrives',
  (_, { javascript, wire }) => {
    const arrived = decode(Buffer.from(wire, 'hex'))
    expect(inspect(arrived)).toBe(inspect(javascriptValue(javascript)))
    expect(same(arrived, javascriptValue(javascript))).toBe(true)
  },
)

const codec = new ValueCodec()

test.each(apartRows.filter(({ to }) => to !== 'javascript').map((row) => [name(row.javascript), row] as const))(
  'the table: %s is sent apart',
  (_, row) => {
    const { bytes, segments } = codec.encode(javascriptValue(row.javascript), 'it', { apart: true })
    expect(bytes.toString('hex')).toBe(row.wire)
    const expected = segmentsOf(row)
    expect(segments.map(({ length }) => length)).toEqual(expected.map(({ length }) => length))
    expect(Buffer.concat(segments).equals(Buffer.concat(expected))).toBe(true)
  },
)

test.each(apartRows.filter(({ to }) => to !== 'python').map((row) => [name(row.javascript), row] as const))(
  'the table: %s arrives apart',
  (_, row) => {
    const arrived = codec.decode({ bytes: Buffer.from(row.wire, 'hex'), segments: segmentsOf(row) })
    expect(same(arrived, javascriptValue(row.javascript))).toBe(true)
  },
)

test.each(refusedRows.filter((row) => row.in === 'JavaScript').map((row) => [name(row.value), row] as const))(
  'the table: %s is refused where it arises, with what to do',
  (_, { value, message, hint }) => {
    expect(() => encode({ rows: [1, { price: javascriptValue(value) }] })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`: ${message} at rows[1].price`),
        hint,
        details: expect.objectContaining({ place: expect.stringContaining('rows[1].price') }),
      }),
    )
  },
)
