// The constants of the wire format: msgpack, with an extension type for each kind of value that msgpack has no form
// for. The whole table is in `docs/values.md`; the same constants in Python are in `terrarium/_values/_wire.py`.

/** The numbers of msgpack's extension types. */
export const EXTENSION = {
  /** A typed array or an ndarray of numpy, see `array-form.ts`. */
  array: 1,
  /** A Set: one msgpack array. */
  set: 2,
  /** An integer of more than 64 bits: two's complement, big-endian, in as few bytes as possible. */
  integer: 3,
  /** An array as a key of a Map or in a Set, which is a tuple in Python: one msgpack array. */
  tuple: 4,
  /** A Set as a key of a Map or in a Set, which is a frozenset in Python: one msgpack array. */
  frozenSet: 5,
  /** A Map without entries: no bytes. A Map with entries is a msgpack map. */
  emptyMap: 6,
  /** A value of a registered type: the name of the type as a msgpack string, then what its encoder returned. */
  registered: 7,
  /** Bytes or an array that travel as a segment: its index, 4 bytes, little-endian; for an array then its head. */
  apart: 8,
  /** An argument that is a stream: its index among the feeds of the call, 1 byte. */
  feed: 9,
  /** msgpack's own timestamp, -1. */
  timestamp: 0xff,
} as const

/** Bytes and arrays of at least this many bytes become segments, where values may have segments. */
export const LEAST_APART = 64 * 1024

/** How many arguments of one call may be streams. */
export const MOST_FEEDS = 256

/** How deep containers may be nested. Python's msgpack reads at most 511 levels. */
export const MAX_DEPTH = 500

/** The longest message either side may send, in bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024

/** The most bytes that a message with one frame needs besides the value and the name of the tool. */
export const FRAME_OVERHEAD = 64

/** The longest value that a message can carry, in bytes. */
export const MAX_VALUE_BYTES = MAX_MESSAGE_BYTES - FRAME_OVERHEAD

/** The first instant that can be sent, in ms since 1970: Python's datetime has the years 1 to 9999. */
export const FIRST_INSTANT = -62_135_596_800_000
/** The last instant that can be sent, in ms since 1970. */
export const LAST_INSTANT = 253_402_300_799_999
