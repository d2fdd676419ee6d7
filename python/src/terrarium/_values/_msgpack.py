"""msgpack in plain Python, for interpreters without the package ``msgpack``. It writes and reads the same bytes."""

import struct
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOST = 2**32 - 1
"""The largest length that msgpack can express."""
_TOO_SHORT = "it ends too early"
_TOO_LONG = "it is longer than msgpack can express"
_DEEPEST = 1024
"""How deep containers may be nested in what is read, as in the package."""
_TIMESTAMP = -1
NO_INSTANT = "an instant in it is none that Python has"

_FLOAT = struct.Struct(">Bd").pack
_HEADS = {size: struct.Struct(f">B{code}").pack for size, code in {1: "B", 2: "H", 4: "I", 8: "Q"}.items()}
"""Functions that write a byte and an unsigned number of so many bytes."""
_SIGNED = {size: struct.Struct(f">B{code}").pack for size, code in {1: "b", 2: "h", 4: "i", 8: "q"}.items()}
_SINGLE, _DOUBLE = struct.Struct(">f").unpack_from, struct.Struct(">d").unpack_from


class Malformed(ValueError):
    """What was read is not msgpack. The message says why."""


class ExtType(NamedTuple):
    """A value of an extension type."""

    code: int
    data: bytes


class Packer:
    """Writes values. ``default`` makes an ExtType of an int of more than 64 bits."""

    def __init__(self, default: Callable[[Any], ExtType]) -> None:
        self._default = default

    def pack(self, value: Any) -> bytes:
        """The msgpack of a value. Raises TypeError for a value that has no form, and ValueError for a value that is too
        long."""
        parts: list[Any] = []
        self._write(value, parts.append)
        return b"".join(parts)

    def _write(self, value: Any, out: Callable[[Any], None]) -> None:
        # One frame of the stack for each level, because values may be nested 500 deep.
        kind = type(value)
        if kind is str:
            _text(value, out)
        elif kind is int:
            out(_integer(value) or self._extension(self._default(value)))
        elif value is None:
            out(b"\xc0")
        elif kind is bool:
            out(b"\xc3" if value else b"\xc2")
        elif kind is float:
            out(_FLOAT(0xCB, value))
        elif kind is dict:
            out(_count(len(value), 0x80, 0xDE))
            for key, item in value.items():
                self._write(key, out)
                self._write(item, out)
        elif kind is list or kind is tuple:
            out(_count(len(value), 0x90, 0xDC))
            for item in value:
                self._write(item, out)
        elif kind is ExtType:
            out(self._extension(value))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            _binary(value, out)
        elif kind is datetime and value.tzinfo is not None:
            out(self._extension(ExtType(_TIMESTAMP, _timestamp(value))))
        elif isinstance(value, str):
            _text(value, out)
        elif isinstance(value, float):
            out(_FLOAT(0xCB, value))
        else:
            out(self._extension(self._default(value)))

    def _extension(self, value: ExtType) -> bytes:
        code, data = value
        size = len(data)
        fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(size)
        head = _length(size, 0xC7, 0xC8, 0xC9) if fixed is None else bytes([fixed])
        return b"".join((head, code.to_bytes(1, "big", signed=code < 0), data))


def _length(size: int, *heads: int) -> bytes:
    """The shortest of the three forms of a length."""
    if size < 0x100:
        return _HEADS[1](heads[0], size)
    if size < 0x10000:
        return _HEADS[2](heads[1], size)
    if size <= _MOST:
        return _HEADS[4](heads[2], size)
    raise ValueError(_TOO_LONG)


def _count(count: int, fixed: int, wide: int) -> bytes:
    """The head of an array or a map."""
    if count < 16:
        return bytes([fixed | count])
    if count < 0x10000:
        return _HEADS[2](wide, count)
    if count <= _MOST:
        return _HEADS[4](wide + 1, count)
    raise ValueError(_TOO_LONG)


def _text(value: str, out: Callable[[Any], None]) -> None:
    data = str.encode(value, "utf-8")
    size = len(data)
    out(bytes([0xA0 | size]) if size < 32 else _length(size, 0xD9, 0xDA, 0xDB))
    out(data)


def _binary(value: "bytes | bytearray | memoryview", out: Callable[[Any], None]) -> None:
    out(_length(memoryview(value).nbytes, 0xC4, 0xC5, 0xC6))
    # A copy of memory that may change before the parts are joined is not needed: nothing else runs until then.
    out(value)


def _integer(value: int) -> "bytes | None":
    """The shortest form of an integer; None for more than 64 bits."""
    if -32 <= value < 128:
        return bytes([value & 0xFF])
    if value >= 0:
        for size, head in ((1, 0xCC), (2, 0xCD), (4, 0xCE), (8, 0xCF)):
            if value < 1 << 8 * size:
                return _HEADS[size](head, value)
    else:
        for size, head in ((1, 0xD0), (2, 0xD1), (4, 0xD2), (8, 0xD3)):
            if value >= -(1 << 8 * size - 1):
                return _SIGNED[size](head, value)
    return None


def _timestamp(value: datetime) -> bytes:
    """The shortest of the three forms of an instant."""
    since = value - _EPOCH
    seconds, nanoseconds = since.days * 86400 + since.seconds, since.microseconds * 1000
    if not 0 <= seconds < 1 << 34:
        return struct.pack(">Iq", nanoseconds, seconds)
    if nanoseconds == 0 and seconds <= _MOST:
        return struct.pack(">I", seconds)
    return struct.pack(">Q", nanoseconds << 34 | seconds)


Hook = Callable[[int, bytes], Any]
"""Makes the value of an extension type of its code and its payload."""


def unpack(data: "bytes | memoryview", hook: Hook) -> Any:
    """The value of one msgpack object. Raises Malformed, and what the hook raises."""
    value, end = _read(data, 0, hook)
    if end < len(data):
        raise Malformed("it goes on after its end")
    return value


def unpack_all(data: bytes, hook: Hook) -> "list[Any]":
    """The values of msgpack objects that follow one another."""
    values, end = [], 0
    while end < len(data):
        value, end = _read(data, end, hook)
        values.append(value)
    return values


def _read(data: Any, at: int, hook: Hook) -> "tuple[Any, int]":
    """The value that begins at a place, and where it ends. Without recursion, because a hook may read within it."""
    around: list[tuple[Any, int, Any]] = []
    """The containers around ``into``, outermost first."""
    into: Any = None
    """The container that is being read; None when there is none."""
    left, key = 0, None
    """How many of its parts are still to come, and its last key. A key and its value are two parts."""
    size = len(data)
    while True:
        if at >= size:
            raise Malformed(_TOO_SHORT)
        head = data[at]
        at += 1
        value: Any
        count = -1
        """How many parts a container has; -1 for a value that is none."""
        if head < 0x80:
            value = head
        elif head < 0xA0:
            count = (head & 0xF) * (2 if head < 0x90 else 1)
            value = {} if head < 0x90 else []
        elif head < 0xC0:
            value, at = _text_at(data, at, head & 0x1F)
        elif head >= 0xE0:
            value = head - 0x100
        elif head == 0xCB or head == 0xCA:
            width = 8 if head == 0xCB else 4
            if at + width > size:
                raise Malformed(_TOO_SHORT)
            value, at = (_DOUBLE if width == 8 else _SINGLE)(data, at)[0], at + width
        elif head in _CONSTANTS:
            value = _CONSTANTS[head]
        elif head == 0xC1:
            raise Malformed("no value begins with 0xc1")
        else:
            kind, width = _FORMS[head]
            number, at = int.from_bytes(_bytes_at(data, at, width), "big", signed=kind == "int"), at + width
            if kind in ("int", "uint"):
                value = number
            elif kind == "str":
                value, at = _text_at(data, at, number)
            elif kind == "bin":
                value, at = _bytes_at(data, at, number), at + number
            elif kind == "ext":
                value, at = _extension_at(data, at, number, hook)
            elif kind == "fixext":
                at -= width
                value, at = _extension_at(data, at, 1 << (head - 0xD4), hook)
            else:
                count = number * (2 if kind == "map" else 1)
                value = {} if kind == "map" else []
        if count > size:
            raise Malformed(_TOO_SHORT)
        if count > 0:
            around.append((into, left, key))
            if len(around) > _DEEPEST:
                raise Malformed("it is nested too deeply")
            into, left = value, count
            continue
        while True:
            if into is None:
                return value, at
            left -= 1
            if type(into) is list:
                into.append(value)
            elif left % 2:
                key = value
            else:
                into[key] = value
            if left:
                break
            value = into
            into, left, key = around.pop()


_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

_FORMS = {0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4)}
_FORMS |= {0xCC: ("uint", 1), 0xCD: ("uint", 2), 0xCE: ("uint", 4), 0xCF: ("uint", 8)}
_FORMS |= {0xD0: ("int", 1), 0xD1: ("int", 2), 0xD2: ("int", 4), 0xD3: ("int", 8)}
_FORMS |= {0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4)}
_FORMS |= {0xDC: ("list", 2), 0xDD: ("list", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)}
_FORMS |= {head: ("fixext", 0) for head in range(0xD4, 0xD9)}
"""By first byte: what it begins, and how many bytes its number or its length has."""


def _bytes_at(data: Any, at: int, count: int) -> bytes:
    part = bytes(data[at : at + count])
    if len(part) < count:
        raise Malformed(_TOO_SHORT)
    return part


def _text_at(data: Any, at: int, count: int) -> "tuple[str, int]":
    return _bytes_at(data, at, count).decode(), at + count


def _extension_at(data: Any, at: int, count: int, hook: Hook) -> "tuple[Any, int]":
    code = int.from_bytes(_bytes_at(data, at, 1), "big", signed=True)
    payload = _bytes_at(data, at + 1, count)
    return (_instant(payload) if code == _TIMESTAMP else hook(code, payload)), at + 1 + count


def _instant(payload: bytes) -> datetime:
    if len(payload) == 4:
        seconds, nanoseconds = int.from_bytes(payload, "big"), 0
    elif len(payload) == 8:
        both = int.from_bytes(payload, "big")
        nanoseconds, seconds = both >> 34, both & (1 << 34) - 1
    elif len(payload) == 12:
        nanoseconds, seconds = struct.unpack(">Iq", payload)
    else:
        raise Malformed(NO_INSTANT)
    if nanoseconds > 999_999_999:
        raise Malformed(NO_INSTANT)
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        raise Malformed(NO_INSTANT) from None
