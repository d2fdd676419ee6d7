"""The short way for values whose parts are all of plain types: they need no change, and no code of a user has a part in
them. Most calls have such arguments and results, and this way takes a fifth of the time."""

from collections.abc import Collection
from typing import Any, NoReturn

from terrarium._values._packing import plain_packer, plain_unpacker
from terrarium._values._wire import LEAST_APART

_DIRECT = frozenset([type(None), bool, int, float, str])
_NAMES = frozenset([str])
_LARGE_BUFFER = 1024 * 1024

_packer = plain_packer()


class NotPlain(Exception):
    """Something in a value is not of a plain type."""


def _refuse(_code: int, _payload: bytes) -> NoReturn:
    raise NotPlain


class Reader:
    """Reads the arguments of calls. Use it on one thread only."""

    def __init__(self) -> None:
        self._unpack = plain_unpacker(_refuse)

    def arguments(self, body: Any, shapes: "Collection[tuple[str, ...]]") -> "dict[str, Any] | None":
        """The arguments in this body, if they are plain and their names are one of ``shapes``; else None, and the long
        way tells what they are."""
        try:
            arguments = self._unpack(body)
        except Exception:
            self._unpack = plain_unpacker(_refuse)  # it may be in the middle of a value
            return None
        return arguments if type(arguments) is dict and tuple(arguments) in shapes else None


def encode_plain(value: Any) -> "bytes | None":
    """The value as one msgpack object, or None: the long way tells whether it can be sent. May be called by several
    threads at a time, because nothing in it runs Python code."""
    global _packer
    kind = type(value)
    if not (
        kind in _DIRECT
        or (kind is bytes and len(value) < LEAST_APART)
        or (kind is dict and _NAMES.issuperset(map(type, value)) and _DIRECT.issuperset(map(type, value.values())))
        or (kind is list and _DIRECT.issuperset(map(type, value)))
    ):
        return None
    packer = _packer
    if packer is None:
        return None
    try:
        body: bytes = packer.pack(value)
    except Exception:  # an integer of more than 64 bits, or a lone surrogate
        _packer = plain_packer()
        return None
    if len(body) > _LARGE_BUFFER:
        _packer = plain_packer()  # it keeps its buffer
    return body
