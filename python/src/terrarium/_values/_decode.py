"""Reads values from msgpack: the arguments of calls. An error says where in the value it occurred."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from terrarium._values import _arrays, _registry
from terrarium._values._apart import Memory
from terrarium._values._msgpack import Malformed
from terrarium._values._packing import unpack, unpack_all
from terrarium._values._refusal import an, name_of, step_of, text_of
from terrarium._values._wire import APART, ARRAY, EMPTY_MAP, FEED, FROZENSET, INTEGER, REGISTERED, SET, TUPLE

Segment = bytes | bytearray | memoryview

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


class FeedMark(int):
    """Stands in the arguments of a call for a stream: its index, see ``_feeds``."""


class _Extension(NamedTuple):
    code: int
    payload: bytes


def decode(data: bytes, segments: "Sequence[Segment]" = ()) -> Any:
    """The value of one msgpack object and its segments. Raises NotReadable, with its place."""
    return _decoded(data, _Reader(segments) if segments else _WITHOUT_SEGMENTS)


def _decoded(data: bytes, reader: "_Reader") -> Any:
    try:
        value = unpack(data, reader.read)
        reader.check_used()
        return value
    except NotReadable as error:
        if error.extension is not None:
            error.place = _place_of(error.extension, data)
        raise
    except Exception as error:
        raise NotReadable("what was sent is not msgpack", because=_reason(error)) from error


def decode_arguments(data: bytes, segments: "Sequence[Segment]" = ()) -> "dict[str, Any] | list[Any]":
    """The keyword arguments of a call, or its positional arguments as a list. Raises NotReadable.
    Arguments that are streams are FeedMarks."""
    if not data and not segments:
        return {}
    arguments = _decoded(data, _ReaderOfArguments(segments) if segments else _ARGUMENTS_WITHOUT_SEGMENTS)
    if type(arguments) is list:
        return arguments
    if type(arguments) is not dict:
        raise NotReadable(f"the arguments are neither a map nor an array but {an(name_of(type(arguments)))}")
    for key in arguments:
        if type(key) is not str:
            raise NotReadable(f"the name of an argument is not a string but {an(name_of(type(key)))}")
    return arguments


class _Reader:
    """Reads the extension types of one value."""

    def __init__(self, segments: "Sequence[Segment]") -> None:
        self._segments: "list[Segment | None]" = list(segments)
        """By index; None in place of a segment that was used."""

    def read(self, code: int, payload: bytes) -> Any:
        """The value of an extension type."""
        try:
            if code == ARRAY:
                return _arrays.unpacked(payload)
            if code == APART:
                return self._apart(payload)
            if code == SET:
                return set(self._only(payload))
            if code == FROZENSET:
                return frozenset(self._only(payload))
            if code == TUPLE:
                return tuple(self._only(payload))
            if code == INTEGER:
                return int.from_bytes(payload, "big", signed=True)
            if code == EMPTY_MAP:
                return {}
            if code == REGISTERED:
                return _registered(*unpack_all(payload, self.read))
            raise NotReadable(f"a value of extension type {code}, which this release does not know, cannot be read")
        except NotReadable as error:
            error.extension = _Extension(code, payload)
            raise
        except Exception as error:
            refusal = NotReadable(f"a value of extension type {code} cannot be read", because=_reason(error))
            refusal.extension = _Extension(code, payload)
            raise refusal from error

    def check_used(self) -> None:
        """Raises Malformed if nothing in the value refers to a segment."""
        for index, segment in enumerate(self._segments):
            if segment is not None:
                raise Malformed(f"nothing in it refers to segment {index}")

    def _only(self, payload: bytes) -> Any:
        (value,) = unpack_all(payload, self.read)
        return value

    def _apart(self, payload: bytes) -> "bytes | memoryview":
        if len(payload) < 4:
            raise Malformed("a reference to a segment ends too early")
        index = int.from_bytes(payload[:4], "little")
        segment = self._segments[index] if index < len(self._segments) else None
        if segment is None:
            used = index < len(self._segments)
            raise Malformed(f"it refers to segment {index} twice" if used else f"it has no segment {index}")
        self._segments[index] = None
        if len(payload) == 4:
            return segment if type(segment) is bytes else bytes(segment)
        memory = segment if type(segment) is Memory else Memory(segment)
        return _arrays.unpacked_apart(payload[4:], memory)


class _ReaderOfArguments(_Reader):
    def read(self, code: int, payload: bytes) -> Any:
        return FeedMark(payload[0]) if code == FEED and len(payload) == 1 else super().read(code, payload)


_WITHOUT_SEGMENTS = _Reader(())
_ARGUMENTS_WITHOUT_SEGMENTS = _ReaderOfArguments(())


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Malformed) else text_of(error)


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


def _place_of(extension: _Extension, data: bytes) -> str:
    """Where in a value an extension is; empty if what follows it is not msgpack."""
    try:
        unread = unpack(data, _Extension)
    except Exception:
        return ""
    return "".join(reversed(_way_to(unread, extension) or ())).removeprefix(".")


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
