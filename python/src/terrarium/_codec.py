"""Values on the wire: msgpack.

Python to wire: ``None``, ``bool``, ``int`` (64 bits), ``float`` (NaN and infinities too), ``str``, bytes-like, lists,
dicts; tuples, sets and frozensets become arrays; dataclass instances become maps of their fields; datetimes with a
timezone become timestamps; what calls itself an integral or real number (numpy's scalars) becomes ``int`` or ``float``.
The keys of a map are ``str`` or ``int``; JavaScript has no integer keys and makes strings of them. Everything else is
an error: nothing is turned into its text silently.

Wire to Python: the same without the one-way forms; a timestamp becomes a datetime in UTC.
"""

import dataclasses
import threading
from datetime import datetime
from numbers import Integral, Rational, Real
from typing import Any

import msgpack

_SCALARS = frozenset([type(None), bool, int, float, str, bytes, bytearray, memoryview])
_KEYS = frozenset([str, int])
_LARGE_BUFFER = 1024 * 1024
_TOO_DEEP = "a value that is nested too deeply, or contains itself, cannot be sent"


class NotEncodable(TypeError):
    """A value msgpack cannot carry. Names its type and its place, never the value."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.place = ""

    def below(self, step: str) -> "NotEncodable":
        self.place = step + self.place
        return self

    def __str__(self) -> str:
        return f"{self.what} at {self.place.lstrip('.')}" if self.place else self.what


class Encoder:
    """Keeps its buffer between values, so it belongs to one thread."""

    def __init__(self) -> None:
        self._packer = _packer()

    def encode(self, value: Any) -> bytes:
        """One msgpack object. Raises NotEncodable."""
        try:
            if type(value) not in _SCALARS:
                _check(value, thorough=False)
            encoded: bytes = self._packer.pack(value)
        except NotEncodable as error:
            failure = error
        except RecursionError:
            failure = NotEncodable(_TOO_DEEP)
        except Exception as error:  # of msgpack or a property of the value; none says where
            is_deep = isinstance(error, ValueError) and "recursion" in str(error)
            failure = NotEncodable(_TOO_DEEP if is_deep else f"the result cannot be sent ({type(error).__name__})")
        else:
            if len(encoded) > _LARGE_BUFFER:
                self._packer = _packer()
            return encoded
        self._packer = _packer()
        raise _located(value) or failure from None


def decode_arguments(data: bytes) -> "dict[str, Any]":
    """The keyword arguments of a call. Raises ValueError, which says what is wrong."""
    if not data:
        return {}
    try:
        arguments = msgpack.unpackb(data, raw=False, timestamp=3, strict_map_key=False)
    except Exception as error:
        raise ValueError(f"the arguments are not msgpack: {error}") from error
    if type(arguments) is not dict:
        raise ValueError(f"the arguments are not a map but {_name(arguments)}")
    for key in arguments:
        if type(key) is not str:
            raise ValueError(f"the name of an argument is not a string but {_name(key)}")
    return arguments


def _packer() -> Any:
    return msgpack.Packer(default=_convert, use_bin_type=True, datetime=True)


def _located(value: Any) -> "NotEncodable | None":
    """What is wrong and where, looked for once it is known that something is."""
    try:
        _check(value, thorough=True)
    except NotEncodable as error:
        return error
    except RecursionError:
        return None
    return None


def _convert(value: Any) -> Any:
    """Something msgpack can carry instead of ``value``, which it cannot."""
    if isinstance(value, (set, frozenset)):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotEncodable("a datetime without a timezone cannot be sent (datetime.now(timezone.utc) has one)")
        return datetime.combine(value.date(), value.timetz())  # msgpack takes no subclasses
    if isinstance(value, int):
        raise NotEncodable("an int of more than 64 bits cannot be sent")
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Rational):
        return float(value)
    raise NotEncodable(f"{_name(value)} cannot be sent")


def _check(value: Any, thorough: bool) -> None:
    """Raises NotEncodable with the place for a wrong key, and when ``thorough`` for every other flaw as well."""
    kind = type(value)
    if kind in _SCALARS:
        if thorough:
            _check_scalar(value)
    elif isinstance(value, dict):
        if not _KEYS.issuperset(map(type, value)):
            for key in value:
                if not isinstance(key, (str, int)):
                    raise NotEncodable(f"{_name(key)} as the key of a map cannot be sent (only str and int)")
        if thorough or not _SCALARS.issuperset(map(type, value.values())):
            for key, item in value.items():
                _check_item(item, thorough, f".{key}"[:80])
                if thorough:
                    _check_item(key, thorough, ".(key)")
    elif isinstance(value, (list, tuple)):
        if thorough or not _SCALARS.issuperset(map(type, value)):
            for index, item in enumerate(value):
                _check_item(item, thorough, f"[{index}]")
    elif isinstance(value, datetime) and value.tzinfo is not None:
        pass
    elif not isinstance(value, (str, bytes, int, float, bytearray, msgpack.ExtType, msgpack.Timestamp)):
        _check(_convert(value), thorough)


def _check_item(item: Any, thorough: bool, step: str) -> None:
    try:
        _check(item, thorough)
    except NotEncodable as error:
        raise error.below(step)


def _check_scalar(value: Any) -> None:
    if type(value) is int and not -(2**63) <= value < 2**64:
        raise NotEncodable("an int of more than 64 bits cannot be sent")
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotEncodable("a str with lone surrogates is not text and cannot be sent") from None


def _name(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


_local = threading.local()


def encode(value: Any) -> bytes:
    """One msgpack object, see Encoder."""
    encoder: "Encoder | None" = getattr(_local, "encoder", None)
    if encoder is None:
        encoder = _local.encoder = Encoder()
    return encoder.encode(value)
