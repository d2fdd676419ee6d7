// Results that a host cannot read: each fails its call, and nothing else.

/** @type {Readonly<Record<string, Buffer>>} */
export const BAD_VALUES = {
  'a value that is no msgpack': Buffer.from([0xc1]),
  'a value that is cut off': Buffer.from([0xdd, 255, 255, 255, 255]),
  'two values': Buffer.from([0xc0, 0xc0]),
  'a value nested without end': Buffer.alloc(100_000, 0x91),
  'an extension of the future': Buffer.from([0xd4, 99, 0]),
  'a text that is no UTF-8': Buffer.from([0xa2, 0xc3, 0x28]),
}
