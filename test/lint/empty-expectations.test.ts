import { expect, test } from '@jest/globals'

const REGEXP = { details: { message: /boom/ } }

test.each<[string, unknown]>([
  ['a RegExp', { message: /bang/ }],
  ['a RegExp', [{ message: /bang/ }]],
  ['a RegExp', REGEXP],
  ['a RegExp', { ...REGEXP }],
  ['{}', { cause: {} }],
  ['{}', {}],
  ['a Promise', { value: Promise.resolve(1) }],
])('toMatchObject refuses %s, which every value matches', (what, expected) => {
  const refused = `every value matches ${what}`
  const value = { message: 'boom', details: { message: 'boom' }, cause: 1, value: 1 }
  expect(() => {
    expect(value).toMatchObject(expected as object)
  }).toThrow(refused)
  expect(() => {
    expect(value).not.toMatchObject(expected as object)
  }).toThrow(refused)
})

test('toMatchObject refuses it of a promise too', async () => {
  const refused = expect(Promise.reject(new Error('boom'))).rejects.toMatchObject({ message: /bang/ })
  await expect(refused).rejects.toThrow('every value matches a RegExp')
})

test('toMatchObject compares what can fail', () => {
  const error = Object.assign(new Error('boom'), { details: { list: [], at: new Date(0) } })
  expect(error).toMatchObject({ message: expect.stringMatching(/boom/), details: { list: [], at: new Date(0) } })
  expect(error).not.toMatchObject({ message: 'bang' })
  expect(() => {
    expect(error).toMatchObject({ message: 'bang' })
  }).toThrow(/- .*bang[^]*\+ .*boom/)
})
