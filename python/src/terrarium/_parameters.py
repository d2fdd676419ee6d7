"""The parameters of a function, without the module ``inspect``, which takes longer to import than most workers to start
otherwise. Where only ``inspect`` knows them, for instance of a decorated function, it is imported."""

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

from terrarium._late import late

_VARIABLE, _KEYWORDS, _GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200
"""Flags of code objects."""


class Parameters(NamedTuple):
    """The parameters of a function that takes all its arguments by keyword."""

    names: "frozenset[str]"
    required: "frozenset[str]"
    others: "str | None"
    """The name of the parameter ``**others``."""

    def fit(self, names: "tuple[str, ...]") -> bool:
        """Whether the function may be called with arguments of these names."""
        return self.required.issubset(names) and (self.others is not None or self.names.issuperset(names))


def parameters_of(function: "Callable[..., Any]") -> "Parameters | None":
    """The parameters; None if only ``inspect`` knows them, or if some cannot be given by keyword."""
    # A decorator leaves attributes that say otherwise.
    if type(function) is not FunctionType or vars(function):
        return None
    code = function.__code__
    if code.co_posonlyargcount > 0 or code.co_flags & _VARIABLE:
        return None
    positional, only = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    optional = {*code.co_varnames[positional - len(function.__defaults__ or ()) : positional]}
    optional.update(function.__kwdefaults__ or ())
    names = frozenset(code.co_varnames[:only])
    return Parameters(names, names - optional, code.co_varnames[only] if code.co_flags & _KEYWORDS else None)


def is_coroutine_function(function: "Callable[..., Any]") -> bool:
    if parameters_of(function) is not None:
        return bool(function.__code__.co_flags & _COROUTINE)
    return bool(late("inspect").iscoroutinefunction(function))


def is_generator_function(function: "Callable[..., Any]") -> bool:
    """True for async generators too."""
    if parameters_of(function) is not None:
        return bool(function.__code__.co_flags & (_GENERATOR | _ASYNC_GENERATOR))
    inspect = late("inspect")
    return bool(inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function))


def is_async_generator_function(function: "Callable[..., Any]") -> bool:
    if parameters_of(function) is not None:
        return bool(function.__code__.co_flags & _ASYNC_GENERATOR)
    return bool(late("inspect").isasyncgenfunction(function))


def documentation_of(function: "Callable[..., Any]") -> str:
    """The first line of the docstring."""
    if type(function) is FunctionType:
        text = (function.__doc__ or "").expandtabs()
    else:
        text = late("inspect").getdoc(function) or ""
    return next(iter(text.strip().splitlines()), "")
