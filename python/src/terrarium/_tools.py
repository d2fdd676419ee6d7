"""The decorator ``@tool``, which offers a function to the host, and the registry of marked functions."""

import re
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, overload

from terrarium._late import late
from terrarium._parameters import documentation_of, is_async_generator_function, is_coroutine_function
from terrarium._parameters import is_generator_function, parameters_of

Function = TypeVar("Function", bound=Callable[..., Any])

LONGEST_NAME = 128
LONGEST_SUMMARY = 1024
"""A docstring may be of any length; a message may not."""
_NAME = re.compile(r"[^\W\d][\w.-]*")
_NAME_RULE = f"a name has 1 to {LONGEST_NAME} letters, digits, '_', '-' or '.', and begins with a letter or '_'"

_MOST_SHAPES = 64

LARGEST_BATCH = 4096
LONGEST_WITHIN = 60
"""In seconds."""


class ToolError(TypeError):
    """A function cannot be a tool as it is marked. Raised when its module is imported: a configuration error."""


class Waiting:
    """The calls of one tool that wait for their batch."""

    def __init__(self) -> None:
        self.calls: "deque[Any]" = deque()
        """A thread that removes a call from here answers it; nothing else does."""
        self.due = 0.0
        """When the batch begins at the latest, in seconds on the monotonic clock, if there is a call."""


class Tool:
    """A marked function, with what is known about it before any call."""

    __slots__ = (
        "batch",
        "conversions",
        "function",
        "is_async",
        "is_long",
        "is_plain",
        "is_stream",
        "name",
        "shapes",
        "summary",
        "waiting",
        "within",
    )

    def __init__(self, name: str, function: Callable[..., Any], batch: int = 0, within: float = 0.0) -> None:
        self.name = name
        self.function = function
        self.is_stream = is_generator_function(function)
        """It is a generator function: it has a stream of items instead of a result."""
        self.is_async = is_async_generator_function(function) if self.is_stream else is_coroutine_function(function)
        self.is_long = batch > 0
        """Whether the last call of it took long, see ``_calls``; always for a tool with batches."""
        self.batch = batch
        """How many calls are one batch at most; 0: the tool has none."""
        self.within = within
        """How long a call waits for others, in seconds."""
        self.waiting: Any = None
        """The calls that wait for their batch, see ``_batches``."""
        self.is_plain = False
        """Whether its hints convert nothing. Known after the first call, like ``conversions``."""
        self.summary = documentation_of(function)[:LONGEST_SUMMARY]
        self.conversions: Any = None
        """The conversions by type hints; made at the first call."""
        self.shapes: set[tuple[str, ...]] = set()
        """Combinations of names that fit the signature, as far as they are known."""

    def check(self, arguments: dict[str, Any]) -> None:
        """Raises TypeError, naming the argument, when the arguments do not fit the signature."""
        # Whether they fit depends on their names alone, and a tool is called with few combinations of names.
        shape = tuple(arguments)
        if shape in self.shapes:
            return
        parameters = parameters_of(self.function)
        if parameters is None or not parameters.fit(shape):
            signature = signature_of(self.function)
            try:
                if signature is not None:
                    signature.bind(**arguments)
            except TypeError as error:
                why = _meant(signature, arguments) or _positional(signature)
                raise TypeError(f"{self.name}{signature}: {error}{why}") from None
        if len(self.shapes) < _MOST_SHAPES:
            self.shapes.add(shape)

    def bind(self, given: list[Any]) -> "tuple[list[Any], dict[str, Any]]":
        """Positional arguments as what the function is called with: as far as they have names, by keyword. Raises
        TypeError, naming the argument, when they do not fit the signature."""
        signature = signature_of(self.function)
        if signature is None:
            return given, {}
        try:
            bound = signature.bind(*given)
        except TypeError as error:
            raise TypeError(f"{self.name}{signature}: {error}") from None
        kinds = {each.kind for each in signature.parameters.values() if each.name in bound.arguments}
        if all(kind.name == "POSITIONAL_OR_KEYWORD" for kind in kinds):
            return [], dict(bound.arguments)
        return given, {}


def signature_of(function: Any) -> Any:
    """The signature; None for a function that does not tell it, as some of C do."""
    try:
        return late("inspect").signature(function)
    except (TypeError, ValueError):
        return None


def _positional(signature: Any) -> str:
    """The end of an error message about arguments by keyword; empty if all can be given so."""
    only = [each.name for each in signature.parameters.values() if each.kind is each.POSITIONAL_ONLY]
    return "; pass the arguments as an array: some are positional-only" if only else ""


def _meant(signature: Any, arguments: dict[str, Any]) -> str:
    """The end of an error message: suggests a name for a misspelt argument, or is empty."""
    parameters = signature.parameters.values()
    known = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    free = [name for name in known if name not in arguments]
    find = late("difflib").get_close_matches
    for name in arguments:
        near = find(name, free, n=1) if name not in known and len(name) <= LONGEST_NAME else []
        if near:
            return f"; did you mean {near[0]!r} by {name!r}?"
    return ""


tools: dict[str, Tool] = {}
"""Every tool of this process, in the order of definition."""


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *, name: str | None = None, batch: int | None = None, within: float = 0.005
) -> Callable[[Function], Function]: ...
def tool(
    function: Any = None, /, *, name: str | None = None, batch: int | None = None, within: float = 0.005
) -> Any:
    """Offers a function to the host. Returns the function unchanged.

    Works on sync and async functions and generators, as ``@tool`` or ``@tool(name="other_name")``. ``name`` defaults to
    the name of the function. Arguments arrive by keyword; the return value is sent as msgpack. Sync tools run on the
    main thread, one at a time; async tools run concurrently on an event loop. A generator is a stream: each value that
    it yields is sent when the host has room for it, and the value that it returns is dropped. While a sync generator
    waits for the host, no other sync tool runs.

    With ``batch=64`` many calls become one call of the function: each of its parameters gets a list with the values of
    at most 64 calls, and it returns a list with a result of each, in which an exception is the failure of its call. A
    call waits at most ``within`` seconds for others, 0.005 by default. Raise the pool's ``concurrency``, or the worker
    never has more than one call at a time.

    Raises ToolError (at import: a configuration error of the worker) for a name that is taken or not well formed, and
    for anything but a plain function: a class, a method, or a function with a required positional-only parameter.
    """
    if function is None:
        return lambda marked: _register(marked, name, batch, within)
    return _register(function, name, batch, within)


def _register(function: Function, name: str | None, batch: "int | None", within: float) -> Function:
    if not callable(function) or isinstance(function, type):
        raise ToolError(f"@tool marks functions, not {_kind(function)}")
    own_name = getattr(function, "__name__", None)
    chosen = own_name if name is None else name

    def refuse(why: str) -> NoReturn:
        raise ToolError(f"{own_name or _kind(function)}{_where(function)} cannot be a tool: {why}")

    if not isinstance(chosen, str):
        refuse("it has no name of its own: mark it with @tool(name='...'), a string")
    if not _is_name(chosen):
        refuse(_no_name(chosen))
    scope = getattr(function, "__qualname__", "").rpartition(".")[0]
    if scope and not scope.endswith("<locals>"):
        refuse("it is a method: mark a function that is not inside a class")
    if parameters_of(function) is None:
        try:
            signature = late("inspect").signature(function)
        except ValueError:
            refuse("its signature is unknown: wrap it in a function")
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                refuse(f"arguments arrive by keyword, and {parameter.name!r} is positional-only")
    size = 0
    if batch is not None:
        if type(batch) is not int or not 1 <= batch <= LARGEST_BATCH:
            refuse(f"batch is a whole number from 1 to {LARGEST_BATCH}, not {batch!r}")
        if type(within) not in (int, float) or not 0 <= within <= LONGEST_WITHIN:
            refuse(f"within is a number of seconds from 0 to {LONGEST_WITHIN}, not {within!r}")
        why = _no_batches(function)
        if why is not None:
            refuse(why)
        size = batch
    mark(function, chosen, batch=size, within=float(within))
    return function


def mark(
    function: "Callable[..., Any]",
    name: str,
    error: "type[ToolError]" = ToolError,
    batch: int = 0,
    within: float = 0.0,
) -> None:
    """Makes a tool of what can be called. Raises ``error`` for a name that is taken or not well formed, and for a
    generator with batches."""

    def refuse(why: str) -> NoReturn:
        own_name = getattr(function, "__name__", None)
        raise error(f"{own_name or _kind(function)}{_where(function)} cannot be a tool: {why}")

    if not _is_name(name):
        refuse(_no_name(name))
    if batch and is_generator_function(function):
        refuse("it is a generator, which has a stream of items, and a batch needs a list of results")
    if name in tools:
        taken = late("inspect").unwrap(tools[name].function)
        where = _where(taken, " in {}, line {}")
        refuse(f"the name {name!r} is taken by {getattr(taken, '__qualname__', _kind(taken))}{where}")
    made = tools[name] = Tool(name, function, batch, within)
    if batch:
        made.waiting = Waiting()


def _no_batches(function: "Callable[..., Any]") -> "str | None":
    """Why a function cannot take batches; None if it can."""
    for each in late("inspect").signature(function).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            return f"each parameter gets a list, and {each} has none"
        if each.default is not each.empty:
            return f"each parameter gets a list with a value of each call, so {each.name!r} can have no default"
    return None


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and len(name) <= LONGEST_NAME


def _no_name(name: str) -> str:
    return f"{name[: LONGEST_NAME + 1]!r} is not a tool's name: {_NAME_RULE}"


def _where(function: Any, text: str = " ({}, line {})") -> str:
    """Where a function is defined; empty if that is not known."""
    code = getattr(late("inspect").unwrap(function), "__code__", None)
    return text.format(code.co_filename, code.co_firstlineno) if code is not None else ""


def _kind(thing: object) -> str:
    return f"the class {thing.__qualname__}" if isinstance(thing, type) else f"a {type(thing).__name__}"
