"""What the host is told of a tool beside its name: kind, signature and docstring. For most functions without the module
``inspect``, see ``_parameters``."""

import types
from collections.abc import Callable
from typing import Any

from terrarium._late import late
from terrarium._parameters import parameters_of
from terrarium._tools import Tool

_LONGEST_SIGNATURE = 1024
_LONGEST_DOCUMENTATION = 4096
"""In characters."""
_LONGEST_DEFAULT = 32
_SHOWN = (type(None), bool, int, float, str, bytes)
"""The types of defaults that are shown. What others show is up to code of the user."""


def kind_of(tool: Tool) -> str:
    if tool.is_async:
        return "async"
    if isinstance(tool.function, type):
        return "class"
    return "sync" if isinstance(tool.function, types.FunctionType) else "builtin"


def signature_text(function: "Callable[..., Any]") -> str:
    """For example ``(text: str, limit: int = 10) -> list``; empty if it is not known."""
    if parameters_of(function) is None:
        try:
            text = str(late("inspect").signature(function))
        except Exception:
            return ""
    else:
        text = _text_of(function)
    return text[:_LONGEST_SIGNATURE]


def _text_of(function: Any) -> str:
    code, hints = function.__code__, function.__annotations__
    positional = code.co_varnames[: code.co_argcount]
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    values = function.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(values) :], values)) | (function.__kwdefaults__ or {})
    parts = [_parameter(name, hints, defaults) for name in positional]
    if only:
        parts.append("*")
        parts.extend(_parameter(name, hints, defaults) for name in only)
    parameters = parameters_of(function)
    if parameters is not None and parameters.others is not None:
        parts.append("**" + _parameter(parameters.others, hints, {}))
    returned = f" -> {_hint(hints['return'])}" if "return" in hints else ""
    return f"({', '.join(parts)}){returned}"


def _parameter(name: str, hints: "dict[str, Any]", defaults: "dict[str, Any]") -> str:
    has_hint = name in hints
    text = f"{name}: {_hint(hints[name])}" if has_hint else name
    if name not in defaults:
        return text
    return text + (" = " if has_hint else "=") + _default(defaults[name])


def _hint(hint: Any) -> str:
    if isinstance(hint, str):
        return hint
    if hint is None:
        return "None"
    if type(hint) is type:
        return hint.__qualname__ if hint.__module__ == "builtins" else f"{hint.__module__}.{hint.__qualname__}"
    try:
        return repr(hint).replace("typing.", "")
    except Exception:
        return "..."


def _default(value: Any) -> str:
    text = repr(value) if type(value) in _SHOWN else "..."
    return text if len(text) <= _LONGEST_DEFAULT else "..."


def documentation(function: "Callable[..., Any]") -> str:
    """The docstring without its indentation."""
    if type(function) is types.FunctionType:
        lines = (function.__doc__ or "").expandtabs().strip().splitlines()
        indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
        least = min(indents, default=0)
        text = "\n".join([*lines[:1], *(line[least:].rstrip() for line in lines[1:])])
    else:
        text = late("inspect").getdoc(function) or ""
    return text[:_LONGEST_DOCUMENTATION]
