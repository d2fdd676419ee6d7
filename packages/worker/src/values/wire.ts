/**
 * The form of values on the wire: msgpack, with an extension type for each thing that msgpack has no form for. The
 * whole table is in `docs/values.md`; Python's half of this file is `terrarium/_values/_wire.py`.
 */

/** Extension types. */
export const EXTENSION = {
  /** A typed array or an array of numpy's, see `array-form.ts`. */
  array: 1,
  /** A Set: one msgpack array. */
  set: 2,
  /** An integer of more than 64 bits: two's complement, big-endian, no longer than its sign needs. */
  integer: 3,
  /** An array as a key of a Map or in a Set, which is a tuple in Python: one msgpack array. */
  tuple: 4,
  /** A Set as a key of a Map or in a Set, which is a frozenset in Python: one msgpack array. */
  frozenSet: 5,
  /** A Map without entries: no bytes. A Map with entries is a msgpack map, which its keys tell from an object. */
  emptyMap: 6,
  /** A value of a registered type: its name as a msgpack string, then what its encoder has made of it. */
  registered: 7,
  /** msgpack's own: -1. */
  timestamp: 0xff,
} as const

/** How deep containers may be nested. msgpack for Python reads no more than 511 levels. */
export const MAX_DEPTH = 500

/** The longest message either side may send, in bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024

/** The most that a message and its one frame need beside the value and the name of the tool, in bytes. */
export const FRAME_OVERHEAD = 64

/** The longest value that a message can carry, in bytes. */
export const MAX_VALUE_BYTES = MAX_MESSAGE_BYTES - FRAME_OVERHEAD

/** Python's datetime has the years 1 to 9999. In ms since 1970. */
export const FIRST_INSTANT = -62_135_596_800_000
export const LAST_INSTANT = 253_402_300_799_999
