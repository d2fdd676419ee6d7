"""What tools see of the host: ``host.call`` and ``host.stream``, and their twins for async tools."""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from terrarium._host_error import HostError

if TYPE_CHECKING:
    from terrarium._host_calls import HostCall, HostCalls

_calls: "HostCalls | None" = None


def serve(calls: "HostCalls") -> None:
    """The worker has a session."""
    global _calls
    _calls = calls


def _session() -> "HostCalls":
    if _calls is None:
        raise HostError("INVALID_ARGUMENT", "there is no host: this is no worker of a Terrarium pool")
    return _calls


def _arguments(name: Any, positional: "tuple[Any, ...]", named: "dict[str, Any]") -> Any:
    if type(name) is not str:
        raise TypeError(f"the name of a function of the host is a str, not {type(name).__name__}")
    if positional and named:
        raise TypeError(f"{name} takes positional or keyword arguments, not both: the host gets an array or an object")
    return list(positional) if positional else named


def _refuse_loop(verb: str) -> None:
    """Raises RuntimeError on the thread of an event loop that runs."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        raise RuntimeError(f"host.{verb} would block the event loop: use host.a{verb} in async code")


class _Items:
    """The items of one host call. It begins with the first read."""

    def __init__(self, name: str, arguments: Any, timeout: "float | None") -> None:
        self._asked: "tuple[str, Any, float | None] | None" = (name, arguments, timeout)
        self._call: "HostCall | None" = None

    def _begin(self) -> "HostCall | None":
        asked, self._asked = self._asked, None
        if asked is not None:
            session = _session()
            self._call = session.begin(*asked, is_stream=True)
            session.sent()
        return self._call

    def _leave(self) -> None:
        call, self._call, self._asked = self._call, None, None
        if call is not None:
            _session().cancel(call)

    def __del__(self) -> None:
        self._leave()


class HostStream(_Items, Iterator[Any]):
    """The items of a function of the host. ``close()``, or to drop the iterator, tells the host that no more are
    wanted."""

    def __next__(self) -> Any:
        _refuse_loop("stream")
        call = self._begin()
        if call is None:
            raise StopIteration
        try:
            is_item, value = _session().item(call)
        except BaseException:
            self._call = None
            raise
        if not is_item:
            self._call = None
            raise StopIteration
        return value

    def close(self) -> None:
        self._leave()


class AsyncHostStream(_Items, AsyncIterator[Any]):
    """As ``HostStream``, for async tools. ``aclose()`` tells the host that no more are wanted."""

    async def __anext__(self) -> Any:
        call = self._begin()
        if call is None:
            raise StopAsyncIteration
        try:
            is_item, value = await _session().aitem(call)
        except BaseException:
            self._call = None
            raise
        if not is_item:
            self._call = None
            raise StopAsyncIteration
        return value

    async def aclose(self) -> None:
        self._leave()


class Host:
    """The Node process that the worker belongs to: calls what it exposes by ``pool.expose(name, fn)``.

    Keyword arguments arrive as an object, positional ones as an array. ``timeout``, in seconds, limits the host call;
    the time that is left of the tool's own call limits it in any case. A host call ends when its call ends. Every
    failure is a ``HostError``. For the code of a tool, on the main thread, in the event loop, and in threads that have
    the context of the call: ``asyncio.to_thread``, or ``contextvars.copy_context().run``.
    """

    def call(self, name: str, /, *positional: Any, timeout: "float | None" = None, **named: Any) -> Any:
        """Calls a function and waits for its value."""
        _refuse_loop("call")
        session = _session()
        call = session.begin(name, _arguments(name, positional, named), timeout, is_stream=False)
        session.sent()
        return session.value(call)

    async def acall(self, name: str, /, *positional: Any, timeout: "float | None" = None, **named: Any) -> Any:
        """As ``call``, for async tools."""
        session = _session()
        call = session.begin(name, _arguments(name, positional, named), timeout, is_stream=False)
        session.sent()
        return await session.avalue(call)

    def stream(self, name: str, /, *positional: Any, timeout: "float | None" = None, **named: Any) -> HostStream:
        """The items of a function that is a generator, or returns anything that can be iterated over."""
        return HostStream(name, _arguments(name, positional, named), timeout)

    def astream(self, name: str, /, *positional: Any, timeout: "float | None" = None, **named: Any) -> AsyncHostStream:
        """As ``stream``, for async tools."""
        return AsyncHostStream(name, _arguments(name, positional, named), timeout)


host = Host()
