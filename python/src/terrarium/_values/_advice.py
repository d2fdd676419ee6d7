"""The hint for a value that cannot be sent: what to send instead."""

import inspect
import io
import re
import types
from collections import UserString
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set
from fractions import Fraction
from typing import Any

from terrarium._values import _foreign

_DEFAULT = (
    "Send its data in a dict, list, str, number, bytes or dataclass, or register its class: terrarium.register_type."
)


def advice_for(value: Any) -> str:
    """The hint in whole sentences. Looks only at the class, never at the value's attributes."""
    kind = type(value)
    foreign = _foreign.hint_for(kind)
    if foreign is not None:
        return foreign
    for bases, advice in _BY_BASE:
        if issubclass(kind, bases):
            return advice
    if inspect.isroutine(value):
        return "Call it and send its result, or send its name."
    return _DEFAULT


_BY_BASE: "tuple[tuple[Any, str], ...]" = (
    (complex, "Send [value.real, value.imag]."),
    (Fraction, "Send float(value), or str(value)."),
    (BaseException, "Send str(value), or raise it."),
    (type, "Send its name, or an instance of it."),
    (types.ModuleType, "Send its name."),
    (re.Pattern, "Send value.pattern."),
    (io.IOBase, "Send what it holds: value.read()."),
    (types.CoroutineType, "Mark an `async def` with @tool, or await the coroutine and send its result."),
    (AsyncIterator, "Send a list: [item async for item in value]."),
    (Iterator, "Send a list: list(value)."),
    (Mapping, "Send dict(value)."),
    (Set, "Send set(value)."),
    (UserString, "Send str(value)."),
    (Sequence, "Send list(value)."),
)
