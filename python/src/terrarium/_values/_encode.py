"""Writes values as msgpack, in two steps: a walk replaces values that msgpack has no form for, then msgpack writes the
result. An error says where in the value it occurred."""

import array
import sys
import threading
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

from terrarium._late import late
from terrarium._values import _arrays, _foreign, _registry, _scalars
from terrarium._values._apart import Segment, flat
from terrarium._values._packing import FOREIGN, ExtType, packer
from terrarium._values._refusal import NotSendable, TooLarge, an, name_of, refusal_of, step_of
from terrarium._values._surrogates import lone_surrogate
from terrarium._values._wire import (
    APART,
    ARRAY,
    EMPTY_MAP,
    FROZENSET,
    INTEGER,
    LEAST_APART,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    REGISTERED,
    SET,
    TUPLE,
)

_DIRECT = frozenset([type(None), bool, int, float, str])
"""Types that msgpack writes without a change. Exact types: an instance of a subclass may be a member of an Enum."""
_NAMES = frozenset([str])
_PLAIN = frozenset([list, tuple, dict])
_NAN = float("nan")
"""Replaces each NaN among keys and elements: Map and Set of JavaScript hold one NaN, dict and set of Python several."""
_KEYS = "Use str, int, float, bool, None, bytes or datetime, or tuples of these."
_LARGE_BUFFER = 1024 * 1024
_MOST_CHANGES = 1024


class EmptyMap:
    """Replaces an empty dict whose type hint says that its keys are no strings, so that it arrives as a Map."""


class Encoder:
    """Keeps msgpack's buffer between values. Use it on one thread only."""

    def __init__(self) -> None:
        self._packer = packer(_large_integer)
        self._open: set[int] = set()
        """The ids of the containers around the value being changed, to find circles and count the depth."""
        self._segments: "list[Segment] | None" = None
        """The segments of the value being changed, so far; None where nothing may become one."""

    def encode(self, value: Any, apart: bool) -> "tuple[bytes, list[Segment]]":
        """One msgpack object and its segments. Raises NotSendable."""
        segments: "list[Segment]" = []
        self._segments = segments if apart else None
        try:
            encoded = self._pack(self.change(value))
        except BaseException as error:  # SystemExit in a property too: it ends the call, not the worker
            self._open.clear()
            raise refusal_of(error)
        finally:
            self._segments = None
        size = len(encoded)
        if size > _LARGE_BUFFER:
            self._packer = packer(_large_integer)
        if segments:
            size += sum(map(len, segments)) + 4 * len(segments) + 4
        if size > MAX_VALUE_BYTES:
            raise TooLarge.of(size, MAX_VALUE_BYTES)
        return encoded, segments

    def change(self, value: Any) -> Any:
        """The replacement of a value that msgpack can write. Raises NotSendable, and any exception of user code."""
        kind = type(value)
        return value if kind in _DIRECT else (_CHANGES.get(kind) or _change_for(kind))(self, value)

    def items(self, value: Any) -> Any:
        """The replacement of a list or a tuple: itself when nothing in it changes."""
        # A subclass is copied first: msgpack would trust its __len__, and might write another number of items.
        parts = value if type(value) in _PLAIN else list(value)
        if _DIRECT.issuperset(map(type, parts)):
            return parts
        self._enter(value)
        out: list[Any] = []
        try:
            for item in parts:
                kind = type(item)
                out.append(item if kind in _DIRECT else (_CHANGES.get(kind) or _change_for(kind))(self, item))
        except BaseException as error:
            raise refusal_of(error).below(f"[{len(out)}]")
        self._open.discard(id(value))
        return out

    def mapping(self, value: Any) -> Any:
        """The replacement of a dict: itself when nothing in it changes. It arrives as an object when all keys are
        strings, else as a Map."""
        entries = value if type(value) in _PLAIN else dict(value.items())
        if not _NAMES.issuperset(map(type, entries)):
            return self._keyed(value, entries)
        if _DIRECT.issuperset(map(type, entries.values())):
            return entries
        self._enter(value)
        out: dict[str, Any] = {}
        name = ""
        try:
            for name, item in entries.items():
                kind = type(item)
                out[name] = item if kind in _DIRECT else (_CHANGES.get(kind) or _change_for(kind))(self, item)
        except BaseException as error:
            raise refusal_of(error).below(step_of(name))
        self._open.discard(id(value))
        return out

    def _keyed(self, value: Any, entries: "dict[Any, Any]") -> "dict[Any, Any]":
        self._enter(value)
        out: dict[Any, Any] = {}
        for key, item in entries.items():
            sent = self._key(key, "a key of a dict")
            if sent in out or _is_nan(sent) and any(map(_is_nan, out)):
                raise NotSendable("a dict with two keys that are one to JavaScript cannot be sent", "Make them differ.")
            try:
                out[sent] = self.change(item)
            except BaseException as error:
                raise refusal_of(error).below(step_of(key))
        self._open.discard(id(value))
        return out

    def fields(self, value: Any, names: "tuple[str, ...]") -> "dict[str, Any]":
        """The replacement of an instance whose data is in fields: a dict."""
        self._enter(value)
        out: dict[str, Any] = {}
        name = ""
        try:
            for name in names:
                out[name] = self.change(getattr(value, name))
        except BaseException as error:
            raise refusal_of(error).below(step_of(name))
        self._open.discard(id(value))
        return out

    def dumped(self, value: Any) -> Any:
        """The replacement of a pydantic model."""
        self._enter(value)
        data = self.change(_foreign.dump(value))
        self._open.discard(id(value))
        return data

    def binary(self, value: Any) -> Any:
        """The replacement of bytes: a reference to a segment if they are many, else themselves."""
        segments = self._segments
        return value if segments is None or memoryview(value).nbytes < LEAST_APART else _apart(segments, value, b"")

    def array(self, data: Any, text: str, shape: "tuple[int, ...] | None") -> Any:
        """The replacement of an array, of the arguments of ``_arrays.packed``."""
        segments = self._segments
        if segments is None or memoryview(data).nbytes < LEAST_APART:
            return ExtType(ARRAY, _arrays.packed(data, text, shape))
        return _apart(segments, data, _arrays.head_for(text, shape))

    def set(self, value: Any) -> Any:
        """The replacement of a set or a frozenset."""
        return self._parts(value, SET, "an element of a set")

    def registered(self, value: Any) -> Any:
        """The replacement of an instance of a registered class, or of a subclass."""
        encoding = next(_registry.encodings[base] for base in type(value).__mro__ if base in _registry.encodings)
        self._enter(value)
        try:
            data = encoding.encode(value)
        except BaseException as error:
            raise refusal_of(error, f"the encoder of {encoding.name} raises")
        packed = self._pack(encoding.name) + self._pack(self.change(data))
        self._open.discard(id(value))
        return ExtType(REGISTERED, packed)

    def _key(self, key: Any, role: str) -> Any:
        """The replacement of a key of a dict or an element of a set (``role``). Scalars, tuples, sets, Enums and
        registered values can be one. No part of a key becomes a segment, because replaced keys are compared."""
        kind = type(key)
        if kind in _DIRECT:
            return _NAN if kind is float and key != key else key
        segments, self._segments = self._segments, None
        sent = self._key_of(kind, key, role)
        self._segments = segments
        return sent

    def _key_of(self, kind: type, key: Any, role: str) -> Any:
        change = _change_for(kind)
        if change is _enum:
            return self._key(key.value, role)
        if change is Encoder.items and isinstance(key, tuple):
            return self._parts(key, TUPLE, role)
        if change is Encoder.set:
            return self._parts(key, FROZENSET, role)
        if change in _ATOMS:
            sent = change(self, key)
            return _NAN if type(sent) is float and sent != sent else sent
        if change is Encoder.registered:
            return change(self, key)
        raise NotSendable(f"{an(name_of(kind))} as {role} cannot be sent", _KEYS, name_of(kind))

    def _parts(self, value: Any, code: int, role: str) -> Any:
        self._enter(value)
        out: list[Any] = []
        try:
            for part in value:
                out.append(self._key(part, role))
        except BaseException as error:
            raise refusal_of(error).below(f"[{len(out)}]")
        if code != TUPLE and (len(set(out)) < len(out) or sum(map(_is_nan, out)) > 1):
            raise NotSendable("a set with two elements that are one to JavaScript cannot be sent", "Make them differ.")
        packed = self._pack(out)
        self._open.discard(id(value))
        return ExtType(code, packed)

    def _enter(self, container: object) -> None:
        if id(container) in self._open:
            hint = "Send an id instead of the value that closes the circle."
            raise NotSendable("a circular value, which contains itself, cannot be sent", hint, name_of(type(container)))
        if len(self._open) >= MAX_DEPTH:
            hint = "Send a flat list in which each element names its parent."
            raise NotSendable(f"a value that is nested more than {MAX_DEPTH} deep cannot be sent", hint)
        self._open.add(id(container))

    def _pack(self, value: Any) -> bytes:
        """The msgpack of a value that was changed."""
        try:
            packed: bytes = self._packer.pack(value)
            return packed
        except Exception as error:
            self._packer = packer(_large_integer)
            if isinstance(error, UnicodeEncodeError):
                raise lone_surrogate(value) from None
            if isinstance(error, (MemoryError, ValueError)):  # more bytes than msgpack's lengths can express
                hint = "Send it in parts, or write it to a file and send its path."
                raise TooLarge(f"more than {MAX_VALUE_BYTES:,} bytes cannot be sent", hint) from None
            raise


def _apart(segments: "list[Segment]", data: Any, head: bytes) -> Any:
    """Makes bytes a segment, and returns the reference to it. The segment is the memory of the value itself."""
    segments.append(data if type(data) is bytes else flat(memoryview(data)))
    return ExtType(APART, (len(segments) - 1).to_bytes(4, "little") + head)


def _is_nan(value: Any) -> bool:
    """Whether a key is NaN. Python allows several such keys, JavaScript one."""
    return isinstance(value, float) and value != value


def _large_integer(value: Any) -> Any:
    """Called by msgpack for an integer of more than 64 bits."""
    if not isinstance(value, int):
        raise TypeError(f"{an(name_of(type(value)))} was not changed")  # a bug in this file
    size = value.bit_length() // 8 + 1
    return ExtType(INTEGER, value.to_bytes(size, "big", signed=True))


Change = Callable[[Encoder, Any], Any]


def _same(_encoder: Encoder, value: Any) -> Any:
    return value


def _whole(value: int) -> int:
    """The plain int of a subclass that is no Enum: msgpack would compare with the operators of the subclass."""
    return value if type(value) in _DIRECT else int.__add__(value, 0)


def _enum(encoder: Encoder, value: Enum) -> Any:
    return encoder.change(value.value)


def _refuse(_encoder: Encoder, value: Any) -> Any:
    name = name_of(type(value))
    advice: str = late("terrarium._values._advice").advice_for(value)
    raise NotSendable(f"{an(name)} cannot be sent", advice, name)


def _simple(change: Callable[[Any], Any]) -> Change:
    return lambda _encoder, value: change(value)


def _packed(parts: Callable[[Any], Any]) -> Change:
    def change(encoder: Encoder, value: Any) -> Any:
        sent = parts(value)
        return encoder.array(*sent) if isinstance(sent, tuple) else encoder.binary(sent)

    return change


def _with_fields(names: "tuple[str, ...]") -> Change:
    return lambda encoder, value: encoder.fields(value, names)


def _beside_fields(change: Change, names: "tuple[str, ...]") -> Change:
    """For a subclass of dict, list, str and so on that also has fields: refuses it if fields would be lost."""

    def checked(encoder: Encoder, value: Any) -> Any:
        if isinstance(value, dict):  # some dicts keep their fields as entries too
            lost = any(name not in value and getattr(value, name, None) is not None for name in names)
        else:
            lost = True
        if lost:
            name = name_of(type(value))
            hint = "Send a dict of both, or register its class: terrarium.register_type."
            raise NotSendable(f"{an(name)}, which has fields beside what it holds, cannot be sent", hint, name)
        return change(encoder, value)

    return checked


_instant, _iso, _duration = _simple(_scalars.instant), _simple(_scalars.iso), _simple(_scalars.duration)
_text, _numpy_scalar, _nothing = _simple(str), _simple(_foreign.of_scalar), _simple(lambda _value: None)
_int, _integer, _real = _simple(_whole), _simple(int), _simple(float)

_ATOMS = frozenset([_same, Encoder.binary, _int, _instant, _iso, _duration])
_ATOMS |= {_text, _numpy_scalar, _nothing, _integer, _real}
"""The changes whose result may be a key."""

_BY_BASE: "tuple[tuple[type | tuple[type, ...], Change], ...]" = (
    (FOREIGN, _refuse),
    (Enum, _enum),
    (int, _int),
    ((float, str), _same),
    ((bytes, bytearray), Encoder.binary),
    (dict, Encoder.mapping),
    ((list, tuple), Encoder.items),
    ((set, frozenset), Encoder.set),
    (datetime, _instant),
    ((date, time), _iso),
    (timedelta, _duration),
    (memoryview, _packed(_arrays.of_memoryview)),
    (array.array, _packed(_arrays.of_array)),
    (EmptyMap, _simple(lambda _value: ExtType(EMPTY_MAP, b""))),
)
"""The change of each base class. The first class that fits counts."""

_TEXTS = (("decimal", "Decimal"), ("uuid", "UUID"), ("pathlib", "PurePath"))
"""Module and name of classes whose instances are sent as text. They are not imported here, because an instance exists
only if its module was imported."""

_CHANGES: "dict[type, Change]" = {}
"""The changes found so far, by class."""
_registry.on_change.append(_CHANGES.clear)


def _change_for(kind: type) -> Change:
    change = _CHANGES.get(kind)
    if change is None:
        if len(_CHANGES) >= _MOST_CHANGES:
            _CHANGES.clear()  # a tool may make a new class in every call
        change = _CHANGES[kind] = _find_change(kind)
    return change


def _find_change(kind: type) -> Change:
    if any(base in _registry.encodings for base in kind.__mro__):
        return Encoder.registered
    for base, change in _BY_BASE:
        if issubclass(kind, base):
            names = () if issubclass(kind, Enum) else _foreign.field_names(kind)
            return _beside_fields(change, names) if names else change
    if any(_is_kind_of(kind, module, name) for module, name in _TEXTS):
        names = _foreign.field_names(kind)
        return _beside_fields(_text, names) if names else _text
    if _foreign.is_ndarray(kind):
        return _packed(_foreign.of_ndarray)
    if _foreign.is_numpy_scalar(kind):
        return _numpy_scalar
    if _foreign.is_missing(kind):
        return _nothing
    names = _foreign.field_names(kind)
    if names is not None:
        return _with_fields(names)
    if _foreign.is_model(kind):
        return Encoder.dumped
    if _is_kind_of(kind, "numbers", "Integral"):
        return _integer
    is_real = _is_kind_of(kind, "numbers", "Real") and not _is_kind_of(kind, "numbers", "Rational")
    return _real if is_real else _refuse


def _is_kind_of(kind: type, module: str, name: str) -> bool:
    """Whether a class is a subclass of the class with this name, if the module was imported."""
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(base, type) and issubclass(kind, base)


_local = threading.local()


def encode(value: Any, apart: bool) -> "tuple[bytes, list[Segment]]":
    """The value as one msgpack object and its segments, at most 256 MiB together. Raises NotSendable, or TooLarge.

    ``apart``: whether bytes and arrays of 64 KiB or more become segments. A segment is the memory of the value itself,
    so it must be sent before the value may change."""
    encoder: "Encoder | None" = getattr(_local, "encoder", None)
    if encoder is None:
        encoder = _local.encoder = Encoder()
    return encoder.encode(value, apart)


def in_one(value: Any) -> bytes:
    """The value as one msgpack object without segments. Raises NotSendable, or TooLarge."""
    return encode(value, apart=False)[0]
