"""Converts arguments by the type hints of a tool's parameters, and its result by the hint of the return value.

Only arrays, bytes and empty dicts are converted, because JavaScript or the wire has fewer kinds of them than Python.
Every other value stays as it would be without a hint.
"""

import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from terrarium._late import late
from terrarium._parameters import parameters_of
from terrarium._values import _arrays, _foreign, _registry
from terrarium._values._apart import Memory
from terrarium._values._decode import FeedMark, NotReadable
from terrarium._values._encode import EmptyMap
from terrarium._values._refusal import text_of

Convert = Callable[[Any], Any]
Of = Callable[[Any], "Convert | None"]

_LISTS = frozenset([list, tuple, Sequence, MutableSequence, Iterable, Collection])
_NO_NAMES = (int, float, bytes, tuple, frozenset, datetime, type(None))
"""Classes of keys that are no strings in JavaScript. Keys of other classes are strings there, or cannot be keys."""


class Conversions:
    """The conversions of one tool. Made at its first call, because a hint may name a class that its module defines
    further down."""

    def __init__(self, function: "Callable[..., Any]", is_stream: bool = False) -> None:
        """``is_stream``: the results are the items of the generator that the function returns."""
        hints, others = _hints_of(function)
        self._by_name: dict[str, Convert] = {}
        self._others: "Convert | None" = None
        """For the arguments of a parameter ``**others``."""
        returned = hints.pop("return", None)
        self._result = of_result(_item_of(returned) if is_stream else returned)
        self._named = {*hints} - {others}
        for name, hint in hints.items():
            convert = of_argument(hint)
            if name == others:
                self._others = convert
            elif convert is not None:
                self._by_name[name] = convert
        self.has_arguments = bool(self._by_name or self._others)
        self.has_plain = self._result is not None or any(
            convert not in _OF_ARRAYS for convert in (*self._by_name.values(), self._others) if convert is not None
        )
        """Whether values without arrays are converted too."""

    def arguments(self, arguments: "dict[str, Any]") -> None:
        """Converts the arguments in place. Raises NotReadable, with the argument's name as its place."""
        for name, value in arguments.items():
            convert = self._by_name.get(name) if name in self._named else self._others
            if convert is None or type(value) is FeedMark:
                continue
            try:
                arguments[name] = convert(value)
            except Exception as error:
                hint = "Send an array or a value that its type hint can be made of."
                refusal = NotReadable("an argument cannot be converted to its type hint", hint, because=text_of(error))
                refusal.place = name
                raise refusal from error

    def result(self, value: Any) -> Any:
        """Converts the value that the tool has returned, or an item of its stream."""
        return value if self._result is None else self._result(value)


def _item_of(hint: Any) -> Any:
    """The hint of the items of an iterator, of which each kind has it first: ``Generator[int, None, None]``."""
    args = get_args(hint)
    return args[0] if args and get_origin(hint) is not Annotated else None


def _hints_of(function: Any) -> "tuple[dict[str, Any], str | None]":
    """The hint of each parameter, None without one, and of ``return``; and the name of the parameter ``**others``."""
    parameters = parameters_of(function)
    if parameters is not None:
        names, others, hints = parameters.names, parameters.others, function.__annotations__
    else:
        inspect = late("inspect")
        function = inspect.unwrap(function)
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some functions of C do not tell it
            return {}, None
        names = signature.parameters
        others = next((each.name for each in names.values() if each.kind is each.VAR_KEYWORD), None)
        hints = {each.name: each.annotation for each in names.values()} | {"return": signature.return_annotation}
    known = {*names, "return"} if others is None else {*names, others, "return"}
    return {name: _resolved(hints.get(name), function) for name in known}, others


def _resolved(annotation: Any, function: Any) -> Any:
    """The hint that a string stands for. typing.get_type_hints() would fail for all hints of a function if one of them
    is imported for type checkers only."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(function, "__globals__", {}))
    except Exception:
        return Any


def of_argument(hint: Any) -> "Convert | None":
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of_argument(args[0])
    if origin in (Union, types.UnionType):
        return _of_union(args)
    if hint is bytes:
        return _to_bytes
    if hint is bytearray:
        return lambda value: bytearray(value) if type(value) in (memoryview, bytes) else value
    if hint is memoryview:
        return lambda value: memoryview(value) if type(value) is bytes else value
    if _is_ndarray(hint):
        return _to_ndarray(args)
    return _of_parts(origin, args, of_argument)


def _to_bytes(value: Any) -> Any:
    return value.tobytes() if type(value) is memoryview else value


def _to_list_of_bytes(value: Any) -> Any:
    return _each_item(value, _to_bytes)


def _to_dict_of_bytes(value: Any) -> Any:
    return _each_value(value, _to_bytes)


_OF_ARRAYS: "tuple[Convert, ...]" = (_to_bytes, _to_list_of_bytes, _to_dict_of_bytes)
"""They change nothing but arrays."""


def of_result(hint: Any) -> "Convert | None":
    """The conversion of a result: an empty dict whose hint says that its keys are no strings becomes an EmptyMap."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of_result(args[0])
    if origin in (Union, types.UnionType):
        found = [convert for convert in map(of_result, args) if convert is not None]
        return found[0] if len(found) == 1 else None
    convert = _of_parts(origin, args, of_result)
    if _is_dict(origin) and args and _never_names(args[0]):
        return lambda value: _map_of(value, convert)
    return convert


def _map_of(value: Any, convert: "Convert | None") -> Any:
    if isinstance(value, dict) and not value:
        return EmptyMap()
    return value if convert is None else convert(value)


def _never_names(hint: Any) -> bool:
    """Whether keys with this hint are certainly no strings in JavaScript."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _never_names(args[0])
    if origin in (Union, types.UnionType):
        return all(map(_never_names, args))
    if origin is Literal:
        return all(_never_names(type(value)) for value in args)
    aliased = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)  # NewType, and `type X = …`
    if aliased is not None and not isinstance(hint, type):
        return _never_names(aliased)
    kind = type(None) if hint is None else origin or hint
    if not isinstance(kind, type):
        return False
    if any(base in _registry.encodings for base in kind.__mro__):
        return True
    if issubclass(kind, Enum):
        return len(kind) > 0 and all(_never_names(type(member.value)) for member in kind)
    number = getattr(_foreign.numpy(), "number", ())
    return issubclass(kind, _NO_NAMES) or issubclass(kind, number)


def _is_dict(origin: Any) -> bool:
    """True for mappings and every subclass of dict: defaultdict, OrderedDict, Counter."""
    return isinstance(origin, type) and (origin in (Mapping, MutableMapping) or issubclass(origin, dict))


def _of_union(args: "tuple[Any, ...]") -> "Convert | None":
    # If a parameter takes both, an array becomes an ndarray rather than bytes.
    members = sorted(args, key=lambda arg: not _is_ndarray(arg))
    by_type = {get_origin(arg) or arg: of_argument(arg) for arg in members}
    found = [convert for convert in by_type.values() if convert is not None]
    if not found:
        return None

    def convert(value: Any) -> Any:
        if type(value) in by_type:
            own = by_type[type(value)]
            return value if own is None else own(value)
        for each in found:
            converted = each(value)
            if converted is not value:
                return converted
        return value

    return convert


def _of_parts(origin: Any, args: "tuple[Any, ...]", of: Of) -> "Convert | None":
    """The conversion of the values of a dict, or of the items of a list or a tuple; None if there is none."""
    if _is_dict(origin) and len(args) == 2:
        value_of = of(args[1])
        if value_of is _to_bytes:
            return _to_dict_of_bytes
        return None if value_of is None else lambda value: _each_value(value, value_of)
    if origin is tuple and args and args[-1] is not Ellipsis:
        parts = [of(arg) for arg in args]
        return (lambda value: _each_part(value, parts)) if any(parts) else None
    if origin in _LISTS and args:
        item_of = of(args[0])
        if item_of is _to_bytes:
            return _to_list_of_bytes
        return None if item_of is None else lambda value: _each_item(value, item_of)
    return None


def _each_value(value: Any, convert: Convert) -> Any:
    return {key: convert(item) for key, item in value.items()} if isinstance(value, dict) else value


def _each_item(value: Any, convert: Convert) -> Any:
    return [convert(item) for item in value] if isinstance(value, (list, tuple)) else value


def _each_part(value: Any, converts: "list[Convert | None]") -> Any:
    if not isinstance(value, (list, tuple)) or len(value) != len(converts):
        return value
    return [item if convert is None else convert(item) for convert, item in zip(converts, value, strict=True)]


def _is_ndarray(hint: Any) -> bool:
    ndarray = getattr(sys.modules.get("numpy"), "ndarray", None)
    return ndarray is not None and (hint is ndarray or get_origin(hint) is ndarray)


def _to_ndarray(args: "tuple[Any, ...]") -> Convert:
    """The conversion of an array, bytes or a list to an ndarray with memory of its own, which can be written."""
    numpy = sys.modules["numpy"]
    element = (*(get_args(args[1]) if len(args) > 1 else ()), None)[0]
    dtype = element if getattr(element, "__name__", None) in numpy.sctypeDict else None

    def convert(value: Any) -> Any:
        if type(value) is memoryview:
            memory: Any = value.obj
            if type(memory) is Memory:  # nothing else refers to it
                return numpy.ndarray(value.shape, memory.kind, memory)
            times = _arrays.times_of(value)
            copy = numpy.array(value)
            return copy if times is None else copy.view(times)
        if type(value) is bytes:
            return numpy.frombuffer(bytearray(value), "u1")
        # A plain array of JavaScript has no type of elements, but the hint may have one.
        return numpy.array(value, dtype) if type(value) is list else value

    return convert
