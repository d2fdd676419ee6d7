"""The form of values on the wire: msgpack, with extension types for the values that msgpack has no form for.

The host's half of this file is ``packages/worker/src/values/wire.ts``.
"""

ARRAY = 1
"""A typed array or an array of numpy, see ``_arrays``."""
SET = 2
"""One msgpack array."""
INTEGER = 3
"""An integer of more than 64 bits: two's complement, big-endian, no longer than its sign needs."""
TUPLE = 4
"""A tuple as a key of a dict or in a set: one msgpack array."""
FROZENSET = 5
"""A frozenset as a key of a dict or in a set: one msgpack array."""
EMPTY_MAP = 6
"""A Map without entries: no bytes. A Map with entries is a msgpack map, distinguished from an object by its keys."""
REGISTERED = 7
"""A value of a registered type: the type's name as a msgpack string, then the value that its encoder has made."""
APART = 8
"""Bytes or an array that travel as a segment: its index, 4 bytes, little-endian; for an array then its head."""
FEED = 9
"""An argument that is a stream: its index among the feeds of the call, 1 byte."""

LEAST_APART = 64 * 1024
"""Bytes and arrays of at least this many bytes become segments, where values may have segments."""

MAX_DEPTH = 500
"""The deepest nesting of containers. msgpack reads at most 511 levels."""

MAX_VALUE_BYTES = 256 * 1024 * 1024 - 64
"""The longest value that a message can carry, in bytes."""
