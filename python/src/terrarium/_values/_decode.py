"""Reads values from msgpack: the arguments of calls. An error says where in the value it occurred."""

from typing import Any, NamedTuple

import msgpack

from terrarium._values import _arrays, _registry
from terrarium._values._refusal import an, name_of, step_of, text_of
from terrarium._values._wire import ARRAY, EMPTY_MAP, FROZENSET, INTEGER, REGISTERED, SET, TUPLE

_RELEASES = "Use the Node packages and the Python package of one release."


class NotReadable(ValueError):
    """The arguments of a call cannot be read.

    ``hint``: what to do, in whole sentences; ``type``: the name of a registered type, or empty; ``because``: the text
    of the error behind it; ``place``: where in the value, for example ``rows[3].price``.
    """

    def __init__(self, what: str, hint: str = _RELEASES, type: str = "", because: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.type = type
        self.because = because
        self.place = ""
        self.extension: "_Extension | None" = None
        """The outermost extension that could not be read."""

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        return f"{self.what}{at}{': ' if self.because else ''}{self.because}"


class _Extension(NamedTuple):
    code: int
    payload: bytes


def decode(data: bytes) -> Any:
    """The value of one msgpack object. Raises NotReadable, with its place."""
    try:
        return msgpack.unpackb(data, raw=False, timestamp=3, strict_map_key=False, ext_hook=_read)
    except NotReadable as error:
        if error.extension is not None:
            error.place = "".join(reversed(_way_to(_raw(data), error.extension) or ())).removeprefix(".")
        raise
    except Exception as error:
        raise NotReadable("what was sent is not msgpack", because=text_of(error)) from error


def decode_arguments(data: bytes) -> "dict[str, Any]":
    """The keyword arguments of a call. Raises NotReadable."""
    if not data:
        return {}
    arguments = decode(data)
    if type(arguments) is not dict:
        raise NotReadable(f"the arguments are not a map but {an(name_of(type(arguments)))}")
    for key in arguments:
        if type(key) is not str:
            raise NotReadable(f"the name of an argument is not a string but {an(name_of(type(key)))}")
    return arguments


def _read(code: int, payload: bytes) -> Any:
    """The value of an extension type."""
    try:
        if code == ARRAY:
            return _arrays.unpacked(payload)
        if code == SET:
            return set(_parts(payload)[0])
        if code == FROZENSET:
            return frozenset(_parts(payload)[0])
        if code == TUPLE:
            return tuple(_parts(payload)[0])
        if code == INTEGER:
            return int.from_bytes(payload, "big", signed=True)
        if code == EMPTY_MAP:
            return {}
        if code == REGISTERED:
            return _registered(*_parts(payload))
        raise NotReadable(f"a value of extension type {code}, which this release does not know, cannot be read")
    except NotReadable as error:
        error.extension = _Extension(code, payload)
        raise
    except Exception as error:
        refusal = NotReadable(f"a value of extension type {code} cannot be read", because=text_of(error))
        refusal.extension = _Extension(code, payload)
        raise refusal from error


def _parts(payload: bytes) -> "list[Any]":
    """The msgpack objects in a payload. Uses an Unpacker because unpackb() takes 40 KiB of stack for each level of
    nesting."""
    unpacker = msgpack.Unpacker(
        raw=False, timestamp=3, strict_map_key=False, ext_hook=_read, max_buffer_size=len(payload) or 1
    )
    unpacker.feed(payload)
    return list(unpacker)


def _registered(name: str, sent: Any) -> Any:
    decode = _registry.decoders.get(name)
    if decode is None:
        hint = f"Call terrarium.register_type({name!r}, decode=…) in the module with the tools."
        raise NotReadable(f"a value of the type {name}, which is not registered in Python, cannot be read", hint, name)
    try:
        return decode(sent)
    except BaseException as error:  # SystemExit too: it ends the call, not the worker
        hint = f"Look at decode of {name} in terrarium.register_type, and at what the host's encoder makes."
        raise NotReadable(f"the decoder of {name} raises", hint, name, text_of(error)) from error


def _raw(data: bytes) -> Any:
    """The value with its extensions unread, to look for one of them."""
    return msgpack.unpackb(data, raw=False, timestamp=3, strict_map_key=False, ext_hook=_Extension)


def _way_to(value: Any, extension: _Extension) -> "list[str] | None":
    """The steps that lead to an extension, innermost first; None if the value does not contain it."""
    if value == extension and isinstance(value, _Extension):
        return []
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in parts:
        way = _way_to(item, extension)
        if way is not None:
            return [*way, step_of(key) if isinstance(value, dict) else f"[{key}]"]
    return None
