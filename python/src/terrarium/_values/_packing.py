"""msgpack, by the package of that name if it can be imported, else by ``_msgpack``. Both give the same results and the
same errors."""

from collections.abc import Callable
from typing import Any

from terrarium._values import _msgpack
from terrarium._values._msgpack import NO_INSTANT, Hook, Malformed

_library: Any = None
"""The package; None if it is missing, too old or damaged."""
try:
    import msgpack

    if msgpack.version >= (1, 0):
        _library = msgpack
except Exception:
    pass

ExtType: Any = _msgpack.ExtType if _library is None else _library.ExtType
"""A value of an extension type, made of its code and its payload."""

FOREIGN: "tuple[type, ...]" = () if _library is None else (_library.ExtType, _library.Timestamp)
"""Classes of the package, whose instances are no values."""


_LONGEST_PLAIN = 16 * 1024


def packer(default: "Any") -> Any:
    """An object whose ``pack`` writes a value. ``default`` makes an ExtType of an int of more than 64 bits."""
    if _library is None:
        return _msgpack.Packer(default)
    return _library.Packer(default=default, use_bin_type=True, datetime=True)


def plain_packer() -> Any:
    """An object whose ``pack`` writes a value of plain types without running Python code; None without the package."""
    return None if _library is None else _library.Packer(use_bin_type=True)


def plain_unpacker(hook: Hook) -> "Callable[[Any], Any]":
    """A function that reads one msgpack object, with the errors of whatever reads it. Use it on one thread only, and no
    more once it has raised. The package reads no object of more than 16 KiB."""
    if _library is None:
        return lambda data: _msgpack.unpack(data, hook)
    # One object for many values, because unpackb() takes twice as long for a short value.
    unpacker = _library.Unpacker(
        raw=False, timestamp=3, strict_map_key=False, ext_hook=hook, max_buffer_size=_LONGEST_PLAIN
    )
    feed, read, more = unpacker.feed, unpacker.unpack, unpacker.read_bytes

    def unpack_one(data: Any) -> Any:
        feed(data)
        value = read()
        if more(1):
            raise Malformed("it goes on after its end")
        return value

    return unpack_one


def unpack(data: bytes, hook: Hook) -> Any:
    """The value of one msgpack object. ``hook`` makes the value of an extension type, of its code and its payload.
    Raises Malformed, UnicodeDecodeError and TypeError, and what the hook raises."""
    if _library is None:
        return _msgpack.unpack(data, hook)
    try:
        return _library.unpackb(data, raw=False, timestamp=3, strict_map_key=False, ext_hook=hook)
    except (ValueError, OverflowError) as error:
        raise _malformed(error) from None


def unpack_all(data: bytes, hook: Hook) -> "list[Any]":
    """The values of msgpack objects that follow one another. Raises as ``unpack`` does."""
    if _library is None:
        return _msgpack.unpack_all(data, hook)
    # Not unpackb(), which takes 40 KiB of stack for each level of nesting.
    size = len(data)
    unpacker = _library.Unpacker(
        raw=False, timestamp=3, strict_map_key=False, ext_hook=hook, max_buffer_size=size or 1
    )
    unpacker.feed(data)
    values = []
    try:
        while unpacker.tell() < size:
            values.append(unpacker.unpack())
    except _library.OutOfData:
        raise Malformed("it ends too early") from None
    except (ValueError, OverflowError) as error:
        raise _malformed(error) from None
    return values


def _malformed(error: Exception) -> Exception:
    """The error to raise in place of an error of the package. Other errors come from the hook."""
    if isinstance(error, _library.ExtraData):
        return Malformed("it goes on after its end")
    if isinstance(error, _library.StackError):
        return Malformed("it is nested too deeply")
    if isinstance(error, _library.FormatError):
        return Malformed("no value begins with 0xc1")
    if type(error) not in (ValueError, OverflowError):
        return error
    text = str(error)
    return Malformed("it ends too early" if "incomplete" in text or "exceeds max" in text else NO_INSTANT)
