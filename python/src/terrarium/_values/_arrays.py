"""Writes and reads arrays: elements of one type, with a shape (an array of numpy) or without (a typed array).

The payload of the extension type ARRAY:

=======  ====================================================================================
bytes    what
=======  ====================================================================================
1        the number of dimensions; 255 for a typed array, whose length follows from its data
1        the length of the next field
…        the type of the elements as numpy writes it (``dtype.str``): ``<f4``, ``|u1``, ``<M8[ns]``
4 each   the length of each dimension, little-endian
0 to 15  zeros up to a multiple of 16, so that the elements can be read in place, aligned
…        the elements, row by row; of an array that travels apart they are in its segment instead
=======  ====================================================================================
"""

import array
import struct
import sys
from math import prod
from typing import Any

from terrarium._values._apart import Memory
from terrarium._values._refusal import NotSendable, TooLarge
from terrarium._values._wire import MAX_VALUE_BYTES

_ORDER = "<" if sys.byteorder == "little" else ">"
_WITHOUT_SHAPE = 255
"""In place of the number of dimensions: a typed array."""
_ALIGNMENT = 16
"""In bytes."""

_TIMES = ("M8", "m8")
"""Types of elements that count a unit of time, without their byte order."""
_FORMATS = {"|i1": "b", "|u1": "B", "|b1": "?"}
_FORMATS |= {_ORDER + kind: code for kind, code in zip("i2 u2 i4 u4 i8 u8 f4 f8".split(), "hHiIqQfd", strict=True)}
"""Formats of ``memoryview`` by type on the wire."""

_SIGNED, _UNSIGNED = "bhilqn", "BHILQN"
"""Integer formats of ``struct``. The size of some of them depends on the platform."""


def packed(data: Any, text: str, shape: "tuple[int, ...] | None") -> bytes:
    """The payload of an array. ``data``: a contiguous buffer in C order and this machine's byte order; ``text``: the
    type of the elements on the wire; ``shape``: None for a typed array."""
    return b"".join((head_for(text, shape), data))


def head_for(text: str, shape: "tuple[int, ...] | None") -> bytes:
    """What stands before the elements."""
    dimensions = shape or ()
    form = f"<BB{len(text)}s{len(dimensions)}I"
    head = struct.pack(form, _WITHOUT_SHAPE if shape is None else len(shape), len(text), text.encode(), *dimensions)
    return head.ljust(_begin(len(head)), b"\0")


def unpacked(payload: bytes) -> memoryview:
    """The elements, read in place, with their shape. Raises ValueError for a payload that is no array."""
    return _elements(memoryview(payload)[_data_begins(payload) :], *head_of(payload))


def unpacked_apart(head: bytes, memory: Memory) -> memoryview:
    """The elements of an array that travelled apart, read in place in its segment. Raises ValueError if ``head`` is
    no head of an array, or does not fit the segment."""
    text, shape = head_of(head)
    if len(head) != _data_begins(head):
        raise ValueError(f"an array with a head of {len(head)} bytes")
    memory.kind = text
    return _elements(memoryview(memory).toreadonly(), text, shape)


def _elements(data: Any, text: str, shape: "tuple[int, ...] | None") -> memoryview:
    format = "q" if text[1:3] in _TIMES else _FORMATS.get(text)
    if format is None:
        raise ValueError(f"an array with elements of type {text}")
    size = struct.calcsize(format)
    shape = (len(data) // size,) if shape is None else shape
    if prod(shape) * size != len(data):
        raise ValueError(f"an array whose shape is not that of its {len(data)} bytes")
    view: memoryview = data.cast(format, shape) if prod(shape) else _empty(data.obj, format, shape)
    return view


def head_of(payload: bytes) -> "tuple[str, tuple[int, ...] | None]":
    """The type of the elements on the wire, and the shape (None for a typed array)."""
    count, length = payload[0], payload[1]
    text = payload[2 : 2 + length].decode("ascii")
    return text, None if count == _WITHOUT_SHAPE else struct.unpack_from(f"<{count}I", payload, 2 + length)


def times_of(view: memoryview) -> "str | None":
    """The type of the elements if ``unpacked`` made the view of an array of times, else None. A memoryview shows times
    only as integers."""
    payload = view.obj
    if view.format != "q" or type(payload) is not bytes or len(payload) < _ALIGNMENT:
        return None
    text = payload[2 : 2 + payload[1]].decode("latin-1")
    return text if text[1:3] in _TIMES else None


def _data_begins(payload: bytes) -> int:
    return _begin(2 + payload[1] + 4 * (0 if payload[0] == _WITHOUT_SHAPE else payload[0]))


def _begin(head: int) -> int:
    return -(-head // _ALIGNMENT) * _ALIGNMENT


def _empty(payload: Any, format: str, shape: "tuple[int, ...]") -> memoryview:
    """A view without elements. ``cast`` cannot make one, so it is a slice of a view with one row, whose memory is that
    of the payload if it is large enough."""
    rest = prod(shape[1:]) * struct.calcsize(format)
    if rest:
        memory = payload if len(payload) >= rest else bytes(rest)
        row: Any = memoryview(memory)[:rest]
        view: memoryview = row.cast(format, (1, *shape[1:]))[:0]
        return view
    import ctypes

    # A later dimension is 0, which a slice cannot make.
    kind: Any = getattr(ctypes, _CTYPES[format])
    for length in reversed(shape):
        kind = kind * length
    return memoryview(kind())


_CTYPES = {"b": "c_int8", "h": "c_int16", "i": "c_int32", "q": "c_int64"}
_CTYPES |= {"f": "c_float", "d": "c_double", "?": "c_bool"}
_CTYPES |= {"B": "c_uint8", "H": "c_uint16", "I": "c_uint32", "Q": "c_uint64"}


def of_memoryview(view: memoryview) -> "bytes | memoryview | tuple[bytes, str, tuple[int, ...] | None]":
    """Bytes to send for one dimension of bytes, else the arguments of ``packed``. Raises NotSendable."""
    order, code = (view.format[:1], view.format[1:]) if view.format[:1] in "@=<>!" else ("@", view.format)
    if code in ("B", "c") and view.ndim == 1:
        return view if view.contiguous else view.tobytes()
    kind = _kind(code, view.itemsize)
    if kind is None:
        hint = "Send value.tolist(), or its bytes: value.tobytes()."
        raise NotSendable(f"a memoryview of format {view.format} cannot be sent", hint, "memoryview")
    check_size(view.nbytes, "memoryview")
    shape = None if view.ndim == 1 else view.shape
    if code == "e":
        # Sent as 32 bits, which hold every 16-bit float: a memoryview cannot read this format.
        size = f"{'<' if order in '<' else '>' if order in '>!' else ''}{view.nbytes // 2}e"
        return array.array("f", struct.unpack(size, view.tobytes())).tobytes(), f"{_ORDER}f4", shape
    data: Any = view if view.c_contiguous else view.tobytes()
    if view.itemsize > 1 and order in "<>!" and ("<" if order == "<" else ">") != _ORDER:
        swapped = array.array({2: "H", 4: "I", 8: "Q"}[view.itemsize], view.tobytes())
        swapped.byteswap()
        data = swapped.tobytes()
    return data, kind, shape


def of_array(value: "array.array[Any]") -> "tuple[Any, str, None]":
    """The arguments of ``packed`` for an ``array.array``. Raises NotSendable."""
    kind = _kind(value.typecode, value.itemsize)
    if kind is None:
        hint = "Send its text: value.tounicode()."
        raise NotSendable(f"an array of type {value.typecode} cannot be sent", hint, "array.array")
    check_size(len(value) * value.itemsize, "array.array")
    return value, kind, None


def check_size(count: int, name: str) -> None:
    """Raises TooLarge for more bytes than a message can carry. Called before any copy is made."""
    if count > MAX_VALUE_BYTES:
        raise TooLarge.of(count, MAX_VALUE_BYTES, name)


def _kind(code: str, size: int) -> "str | None":
    """The type on the wire of a struct format and its size in bytes; None if arrays of it cannot be sent."""
    if len(code) != 1:
        return None
    if code in _SIGNED:
        letter = "i"
    elif code in _UNSIGNED:
        letter = "u"
    else:
        letter = "f" if code in "efd" else "b" if code == "?" else ""
    return f"{'|' if size == 1 else _ORDER}{letter}{4 if code == 'e' else size}" if letter else None
