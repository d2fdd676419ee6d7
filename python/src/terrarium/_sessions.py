"""``session``: the state that the calls of one session keep in their worker. Not to be taken for ``_session``, which is
the connection of the worker with its host."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from terrarium import _exit
from terrarium._current import current
from terrarium._frames import Call
from terrarium._tools import Tool

if TYPE_CHECKING:
    from terrarium._calls import MainThread
    from terrarium._event_loop import EventLoop


class ToolSession:
    """What calls of one session have in common while they run in this worker. Its methods are for any thread."""

    __slots__ = ("_callbacks", "_is_closed", "_values", "id")

    def __init__(self, id: str) -> None:
        self.id = id
        """What the caller calls the session."""
        self._values: "dict[str, tuple[Any, float | None]]" = {}
        self._callbacks: "list[tuple[Callable[[], Any], bool]]" = []
        self._is_closed = False

    def get(self, key: str, default: Any = None) -> Any:
        """The value that was set; ``default`` if there is none, or its time is over."""
        value, due = self._values.get(key, (default, None))
        if due is None or monotonic() < due:
            return value
        self._values.pop(key, None)
        return default

    def set(self, key: str, value: Any, ttl: "float | None" = None) -> None:
        """Keeps a value, which may be anything, for later calls of the session; for ``ttl`` seconds, by default as
        long as the session lives. Raises RuntimeError when the session has ended."""
        self._refuse_closed()
        self._values[key] = (value, None if ttl is None else monotonic() + ttl)

    def on_close(self, function: "Callable[[], Any]") -> None:
        """Calls the function when the session ends in order: it is closed, has expired, or its worker ends in order.
        The last function is called first. It is called where the tool runs that passes it: on the main thread, or in
        the event loop, where it may be a coroutine function. What it raises is printed. Raises RuntimeError when the
        session has ended."""
        self._refuse_closed()
        call = current()
        self._callbacks.append((function, call is not None and call.tool.is_async))

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"the session {self.id} has ended")

    def close(self) -> "tuple[list[Callable[[], Any]], list[Callable[[], Any]]]":
        """Returns the functions that are to be called on the main thread, and in the event loop."""
        self._is_closed = True
        callbacks, self._callbacks = self._callbacks[::-1], []
        here = [function for function, is_async in callbacks if not is_async]
        return here, [function for function, is_async in callbacks if is_async]


def session() -> "ToolSession | None":
    """The session of the current call. None if the call belongs to none, in a tool with ``batch``, and outside a call.

    It works wherever the context of the call goes: in tasks and in ``asyncio.to_thread``. Start a thread with
    ``contextvars.copy_context().run``.
    """
    call = current()
    if call is None or call.extras is None or call.batch is not None:
        return None
    found: "ToolSession | None" = call.extras.session
    return found


class Closing(Call):
    """Stands in the queue of the main thread for functions that are to be called there."""

    __slots__ = ("_functions",)

    def __init__(self, functions: "list[Callable[[], Any]]") -> None:
        super().__init__(0, _NO_TOOL, b"", (), 0)
        self._functions = functions

    def run(self) -> None:
        for function in self._functions:
            try:
                function()
            except BaseException:  # SystemExit too: it ends the function, not the worker
                _exit.show_error()


def _nothing() -> None:
    pass


_NO_TOOL = Tool("", _nothing)
_NO_TOOL.is_long = True  # so that the main thread looks at the call


class Sessions:
    """The open sessions of a worker, by number. For the thread that receives."""

    def __init__(self, main_thread: "MainThread") -> None:
        self.open: "dict[int, ToolSession]" = {}
        self.event_loop: "EventLoop | None" = None
        self._main_thread = main_thread

    def begin(self, number: int, id: str) -> None:
        """Raises ValueError if the host breaks the protocol."""
        if number == 0 or number in self.open:
            raise ValueError(f"it opened a session {number}, which is {'in use' if number else 'no number'}")
        self.open[number] = ToolSession(id)

    def of(self, number: int) -> ToolSession:
        """Raises ValueError if the host breaks the protocol."""
        found = self.open.get(number)
        if found is None:
            raise ValueError(f"it named a session {number}, which is not open")
        return found

    def end(self, number: int) -> int:
        """Returns how many calls for the main thread that makes. Raises ValueError if the host breaks the protocol."""
        here, there = self.of(number).close()
        del self.open[number]
        if there and self.event_loop is not None:
            self.event_loop.call_soon(run_all(there))
        if not here:
            return 0
        self._main_thread.calls.append(Closing(here))
        return 1

    def end_all(self) -> None:
        """The worker ends. Call it on the main thread, when no call runs any more."""
        sessions = list(self.open.values())
        self.open.clear()
        for each in sessions:
            here, there = each.close()
            Closing(here).run()
            if there and self.event_loop is not None:
                self.event_loop.run_last(run_all(there))


async def run_all(functions: "list[Callable[[], Any]]") -> None:
    for function in functions:
        try:
            returned = function()
            if hasattr(returned, "__await__"):
                await returned
        except BaseException:
            _exit.show_error()
