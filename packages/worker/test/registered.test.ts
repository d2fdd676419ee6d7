import { expect, test } from '@jest/globals'
import { decode, encode, ValueCodec, type ValueType } from '@terrarium/worker'

class Money {
  readonly amount: bigint
  readonly currency: string

  constructor(amount: bigint, currency: string) {
    this.amount = amount
    this.currency = currency
  }
}

class Euros extends Money {
  constructor(amount: bigint) {
    super(amount, 'EUR')
  }
}

class Node {
  readonly children: readonly Node[]

  constructor(children: readonly Node[] = []) {
    this.children = children
  }
}

const money: ValueType<Money> = {
  name: 'Money',
  class: Money,
  encode: ({ amount, currency }) => [amount, currency],
  decode: ([amount, currency]: [number | bigint, string]) => new Money(BigInt(amount), currency),
}
const node: ValueType<Node> = {
  name: 'Node',
  class: Node,
  encode: ({ children }) => children,
  decode: (children: Node[]) => new Node(children),
}

test('instances of a registered class come back as such, in every place', () => {
  const codec = new ValueCodec([money, node])
  const price = new Money(199n, 'EUR')
  const value = {
    list: [price, new Map([[price, price]])],
    set: new Set([price]),
    tree: new Node([new Node(), new Node()]),
  }
  expect(codec.decode(codec.encode(value))).toEqual(value)
  // An ext of type 7: the name, then what the encoder made.
  expect(codec.encode(price).bytes.toString('hex')).toBe('c70d07a54d6f6e657992ccc7a3455552')
  expect(codec.decode(codec.encode(new Euros(1n)))).toEqual(new Money(1n, 'EUR'))
})

test('a registered class comes before what values of its kind are otherwise', () => {
  class Tags extends Set<string> {}
  const codec = new ValueCodec([
    { name: 'Tags', class: Tags, encode: (tags: Tags) => [...tags], decode: (tags: string[]) => new Tags(tags) },
    { name: 'Url', class: URL, encode: (url: URL) => url.href, decode: (href: string) => new URL(href) },
    { name: 'Instant', class: Date, encode: (date: Date) => date.getTime(), decode: (ms: number) => new Date(ms) },
  ])
  const value = [new Tags(['a']), new URL('file:///a'), new Date(8.64e15), new Set(['a'])]
  const back = codec.decode(codec.encode(value)) as unknown[]
  expect(back).toEqual(value)
  expect(back.map((each) => (each as object).constructor.name)).toEqual(['Tags', 'URL', 'Date', 'Set'])
})

test('a value of a type that is not registered names the type, its place, and what to add', () => {
  const sent = new ValueCodec([money]).encode({ cart: { items: [1, new Money(1n, 'EUR')] } }).bytes
  expect(() => decode(sent)).toThrow(
    expect.objectContaining({
      code: 'RESULT_NOT_SENDABLE',
      message: 'the value: a value of the type Money, which is not registered here, cannot be read at cart.items[1]',
      hint: "Add { name: 'Money', decode } to the `types` of the pool.",
      details: { place: 'cart.items[1]', type: 'Money' },
    }),
  )
  expect(() => encode({ cart: new Money(1n, 'EUR') })).toThrow(
    expect.objectContaining({ message: 'the value: a Money cannot be sent at cart' }),
  )
})

test('encoders and decoders that throw, or make what cannot be sent, are named with the place', () => {
  const boom = new Error('boom')
  const explode = (): never => {
    throw boom
  }
  const throwing = new ValueCodec([{ ...money, encode: explode }])
  expect(() => throwing.encode({ a: [new Money(1n, 'EUR')] })).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: 'the value: the encoder of Money threw at a[0]: boom',
      cause: boom,
    }),
  )
  const itself = new ValueCodec([{ ...money, encode: (value: Money) => ({ value }) }])
  expect(() => itself.encode([new Money(1n, 'EUR')])).toThrow(
    'a circular value, which contains itself, cannot be sent at [0].value',
  )
  for (const made of [undefined, () => 1, Symbol('x')]) {
    const odd = new ValueCodec([{ ...money, encode: () => made }])
    expect(() => odd.encode({ a: new Money(1n, 'EUR') })).toThrow(/cannot be sent at a$/)
  }
  const unreadable = new ValueCodec([{ ...money, decode: explode }])
  expect(() => unreadable.decode(unreadable.encode({ a: [new Money(1n, 'EUR')] }))).toThrow(
    expect.objectContaining({
      code: 'RESULT_NOT_SENDABLE',
      message: 'the value: the decoder of Money threw at a[0]: boom',
      cause: boom,
    }),
  )
  // The codec goes on.
  expect(throwing.decode(throwing.encode({ a: 1 }))).toEqual({ a: 1 })
})

test('an encoder may use the codec that it is called by', () => {
  const codec: ValueCodec = new ValueCodec([
    {
      name: 'Sealed',
      class: Money,
      encode: ({ amount, currency }: Money) => codec.encode([amount, currency]).bytes,
      decode: (bytes: Buffer) => new Money(...(codec.decode({ bytes, segments: [] }) as [bigint, string])),
    },
  ])
  const value = ['before', new Money(2n ** 60n, 'EUR'), 'after']
  expect(codec.decode(codec.encode(value))).toEqual(value)
})

test('types are checked when the codec is made, with every mistake', () => {
  expect(() => new ValueCodec([{ name: 'A' }, { name: 'A', class: Array, encode: String }, 'B' as never])).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      details: expect.objectContaining({
        mistakes: [
          'types[0].encode or decode must be given',
          "types[1].name 'A' is taken by an earlier type",
          'types[1].class must not be Object, Array, or the class of an earlier type',
          "types[2] must be an object, not 'B'",
        ],
      }),
    }),
  )
})
