"""The host calls of a worker: its tools call functions of the host. Each host call has one answer of the host, also
when its tool does not wait for it any more."""

import itertools
import sys
import threading
from _queue import SimpleQueue
from collections import deque
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol, cast

from terrarium._current import current
from terrarium._frames import ITEM_OVERHEAD, STREAM_WINDOW, Call, Carrier, FailureCode, HostCancel, HostCredit
from terrarium._frames import HostFailure, HostItem, HostResult, size_of
from terrarium._host_error import HostError
from terrarium._values._decode import NotReadable, decode
from terrarium._values._encode import encode
from terrarium._values._plain import encode_plain
from terrarium._values._refusal import NotSendable, TooLarge

if TYPE_CHECKING:
    from terrarium._calls import MainThread

_GIVEN_BACK = STREAM_WINDOW // 2
"""What was taken of a stream is given back to the host once it is so much, in bytes."""

_CODES = {
    FailureCode.PYTHON_ERROR: "HOST_ERROR",
    FailureCode.TOOL_NOT_FOUND: "NOT_EXPOSED",
}


class Awaited(Protocol):
    """What the main thread waits for."""

    @property
    def must_wait(self) -> bool: ...


class HostCall:
    """One host call, from its beginning to its answer. The thread that receives adds to it, and then calls ``wake``."""

    __slots__ = ("answer", "granted", "has_answer", "id", "is_stream", "items", "spent", "taken", "wake")

    def __init__(self, id: int, is_stream: bool) -> None:
        self.id = id
        self.is_stream = is_stream
        self.items: "deque[HostItem]" = deque()
        self.answer: "HostResult | HostFailure | None" = None
        self.has_answer = False
        self.wake: "Callable[[], None]" = _nothing
        self.taken = 0
        """What was taken and not given back, in bytes."""
        # Two numbers, because two threads write them.
        self.granted = STREAM_WINDOW
        """All credit so far, in bytes. Written by the thread that takes the items."""
        self.spent = 0
        """What the items so far have cost, in bytes. Written by the thread that receives."""

    @property
    def must_wait(self) -> bool:
        return not self.has_answer and not self.items


def _nothing() -> None:
    pass


class HostCalls:
    """The host calls of one session. ``take`` is for the thread that receives; everything else is for any thread."""

    def __init__(
        self,
        carrier: Carrier,
        max_bytes: int,
        flush: "Callable[[bool], None]",
        open_calls: "dict[int, Call]",
        main_thread: "MainThread",
        await_on_main: "Callable[[Awaited], None]",
    ) -> None:
        """``await_on_main`` may return before there is anything."""
        self._carrier = carrier
        self._most = max_bytes
        self._flush = flush
        self._calls = open_calls
        self._await_on_main = await_on_main
        self._main_thread = main_thread
        self._main = threading.main_thread().ident
        self._numbers = itertools.count(1)
        self._open: "dict[int, HostCall]" = {}

    def begin(self, name: str, arguments: Any, timeout: "float | None", is_stream: bool) -> HostCall:
        """Sends a host call. Raises HostError if it cannot be made."""
        call = self._current()
        body, segments = self._encoded([name, arguments, None if timeout is None else max(1e-3, 1000 * timeout)])
        id = next(self._numbers) % 2**32
        while id == 0 or id in self._open:
            id = next(self._numbers) % 2**32
        host_call = self._open[id] = HostCall(id, is_stream)
        self._carrier.send_host_call(id, call.id, is_stream, body, segments)
        return host_call

    def sent(self) -> None:
        """Gives to the system what was begun."""
        self._flush(True)

    def _current(self) -> Call:
        call = current()
        if call is None:
            hint = "Call host functions from a tool. A thread has to be started with contextvars.copy_context().run."
            raise HostError("INVALID_ARGUMENT", "no call runs here, so there is no host to call", hint=hint)
        for each in call.batch or [call]:
            if self._calls.get(each.id) is each:
                return each
        raise HostError("CANCELLED", f"the call of {call.tool.name} has ended, and its host calls with it")

    def _encoded(self, asked: "list[Any]") -> "tuple[bytes, Sequence[Any]]":
        body = encode_plain(asked)
        segments: "Sequence[Any]" = ()
        try:
            if body is None:
                body, segments = encode(asked, self._carrier.sends_apart)
            size = len(body) if not segments else size_of(body, segments)
            if size > self._most:
                raise TooLarge.of(size, self._most)
        except NotSendable as error:
            code = "PAYLOAD_TOO_LARGE" if isinstance(error, TooLarge) else "INVALID_ARGUMENT"
            place = error.place.removeprefix("[1]").removeprefix(".")
            at = f" at {place}" if place else ""
            message = f"the arguments of {asked[0]}: {error.what}{at}"
            raise HostError(code, message, hint=error.hint, details={"place": place, "type": error.type}) from error
        return body, segments

    def value(self, host_call: HostCall) -> Any:
        """Waits for the answer. For a thread without an event loop."""
        self._wait(host_call)
        return self._answer(host_call)

    async def avalue(self, host_call: HostCall) -> Any:
        """Awaits the answer. For a thread with an event loop."""
        await self._await(host_call)
        return self._answer(host_call)

    def item(self, host_call: HostCall) -> "tuple[bool, Any]":
        """Waits for the next item. ``False`` comes with the end."""
        self._wait(host_call)
        return self._next(host_call)

    async def aitem(self, host_call: HostCall) -> "tuple[bool, Any]":
        """As ``item``, for a thread with an event loop."""
        await self._await(host_call)
        return self._next(host_call)

    def cancel(self, host_call: HostCall) -> None:
        """Neither the answer nor further items are wanted."""
        host_call.items.clear()
        host_call.wake = _nothing
        if not host_call.has_answer:
            self._carrier.send(HostCancel(host_call.id))
            self._flush(False)

    def take(self, frame: "HostResult | HostFailure | HostItem") -> None:
        """Raises ValueError for what the protocol does not allow."""
        host_call = self._open.get(frame.id)
        if host_call is None:
            raise ValueError(f"it answered host call {frame.id}, which is not open")
        if isinstance(frame, HostItem):
            if not host_call.is_stream:
                raise ValueError(f"it sent an item of host call {frame.id}, whose items are not wanted")
            if host_call.spent >= host_call.granted:
                raise ValueError(f"it sent an item of host call {frame.id}, which has no credit")
            host_call.spent += _cost(frame)
            host_call.items.append(frame)
        else:
            del self._open[frame.id]
            host_call.answer = frame
            host_call.has_answer = True
        host_call.wake()

    def _wait(self, host_call: HostCall) -> None:
        try:
            if get_ident() == self._main:
                host_call.wake = self._main_thread.wake
                self._main_thread.is_in_host_call = True
                try:
                    while host_call.must_wait:
                        self._await_on_main(host_call)
                finally:
                    self._main_thread.is_in_host_call = False
            else:
                news: "SimpleQueue[None]" = SimpleQueue()
                host_call.wake = lambda: news.put(None)
                while host_call.must_wait:
                    news.get()
        except BaseException:
            self.cancel(host_call)
            raise

    async def _await(self, host_call: HostCall) -> None:
        if not host_call.must_wait:
            return
        loop = sys.modules["asyncio"].get_running_loop()
        thread, future = get_ident(), loop.create_future()

        def done() -> None:
            if not future.done():
                future.set_result(None)

        def wake() -> None:
            if get_ident() == thread:
                done()
            else:
                try:
                    loop.call_soon_threadsafe(done)
                except RuntimeError:
                    pass  # the loop was a tool's own, and is closed

        host_call.wake = wake
        try:
            if host_call.must_wait:  # the thread that receives may have seen no future
                await future
        except BaseException:
            self.cancel(host_call)
            raise

    def _next(self, host_call: HostCall) -> "tuple[bool, Any]":
        if not host_call.items:
            self._answer(host_call)
            return False, None
        frame = host_call.items.popleft()
        host_call.taken += _cost(frame)
        if host_call.taken >= _GIVEN_BACK and not host_call.has_answer:
            host_call.granted += host_call.taken  # before the host can spend it
            self._carrier.send(HostCredit(host_call.id, host_call.taken))
            self._flush(False)
            host_call.taken = 0
        try:
            return True, _read(frame)
        except HostError:
            self.cancel(host_call)
            raise

    def _answer(self, host_call: HostCall) -> Any:
        answer = host_call.answer
        if isinstance(answer, HostResult):
            return _read(answer)
        raise _error_of(cast(HostFailure, answer))


def _cost(item: HostItem) -> int:
    return (size_of(item.body, item.segments) if item.segments else len(item.body)) + ITEM_OVERHEAD


def _read(frame: "HostResult | HostItem") -> Any:
    try:
        return decode(frame.body, frame.segments)
    except NotReadable as error:
        details = {"place": error.place, "type": error.type}
        raise HostError("RESULT_NOT_SENDABLE", f"the value: {error}", hint=error.hint, details=details) from error


def _error_of(failure: HostFailure) -> HostError:
    attributes: "dict[str, Any]" = {}
    for name, value in _map_in(failure.attributes).items():
        try:
            attributes[name] = decode(value)
        except NotReadable:  # of a type that is registered in the host alone
            continue
    own = attributes.pop("code", None)
    more = attributes.pop("details", attributes)
    details = more if isinstance(more, dict) else attributes
    if failure.place:
        details = {**details, "place": failure.place}
    known = failure.code in FailureCode.__members__.values()
    code = _CODES.get(cast(FailureCode, failure.code), FailureCode(failure.code).name if known else "HOST_ERROR")
    if failure.code == FailureCode.PYTHON_ERROR and isinstance(own, str):
        code = own
    return HostError(code, failure.message, failure.type, failure.traceback, failure.hint, details, failure.id)


def _map_in(attributes: bytes) -> "dict[str, bytes]":
    try:
        read = decode(attributes) if attributes else {}
    except NotReadable:
        return {}
    return read if isinstance(read, dict) else {}
