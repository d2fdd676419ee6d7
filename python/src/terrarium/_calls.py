"""Calls: what one is, and how the main thread works through those of sync tools, one at a time, in order of arrival."""

import contextvars
import os
import sys
from _queue import Empty, SimpleQueue  # gevent replaces those of the module queue
from collections.abc import Callable
from time import monotonic
from types import CoroutineType
from typing import Any

from terrarium import _exit, _failure
from terrarium._outbox import FRAME_OVERHEAD, Outbox
from terrarium._tools import Tool
from terrarium._values._decode import decode_arguments
from terrarium._values._encode import encode
from terrarium._values._hints import Conversions
from terrarium._values._refusal import NotSendable, TooLarge
from terrarium.v1 import session_pb2 as wire

LOOK_EVERY = 0.25
"""How long the main thread waits at most without a look at signals, in seconds. Python runs the handler of the order to
end between two instructions of the main thread, and an order that comes in the moment before it waits wakes nobody."""


class Call:
    """One call that has been received."""

    __slots__ = ("arguments", "cancelled", "deadline", "id", "tool")

    def __init__(self, id: int, tool: Tool, arguments: bytes, timeout_ms: int) -> None:
        self.id = id
        self.tool = tool
        self.arguments = arguments
        self.deadline = monotonic() + timeout_ms / 1000 if timeout_ms else None
        """On the monotonic clock, in seconds."""
        self.cancelled = False


def new_context() -> contextvars.Context:
    """A context for one call: it sees what the module set when it was imported, and nothing that another call set."""
    context = contextvars.copy_context()
    # A decimal context is one object that is changed in place, so the copy of a context would share it.
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        context.run(decimal.setcontext, decimal.getcontext().copy())
    return context


class Replies:
    """Says how calls ended; knows which have not."""

    def __init__(self, outbox: Outbox, max_message_bytes: int) -> None:
        self._outbox = outbox
        self._most = max_message_bytes - FRAME_OVERHEAD
        self.open: dict[int, Call] = {}
        """Received and not yet answered, by id."""
        self._waiting: set[Call] = set()
        """Received and not yet begun. Several threads may want a call; the one that removes it begins or answers it."""

    def check(self, id: int) -> None:
        """Raises ValueError for an id that no call may have now."""
        if id == 0 or id in self.open:
            raise ValueError(f"it sent a call with id {id}, which is {'in use' if id else 'no id'}")

    def received(self, call: Call) -> None:
        self.open[call.id] = call
        self._waiting.add(call)

    def take(self, call: Call) -> bool:
        """Whether the caller of this is to begin the call, or to answer it unbegun. Atomic."""
        try:
            self._waiting.remove(call)
        except KeyError:
            return False
        return True

    def give_back(self, call: Call) -> None:
        """Answers a call that has not begun, now, while others run."""
        if self.take(call):
            call.arguments = b""
            self.frame(call, _failure.cancelled(call.id, "the call was cancelled before it began", not_begun=True))

    def value(self, call: Call, value: Any) -> None:
        try:
            encoded = encode(_conversions(call.tool).result(value))
        except TooLarge as error:
            return self.frame(call, _failure.too_large(call.id, call.tool.name, error))
        except NotSendable as error:
            if type(value) is CoroutineType:
                value.close()  # or Python warns that it was never awaited
            return self.frame(call, _failure.not_sendable(call.id, call.tool.name, error))
        except BaseException as error:  # of code of the user's that the value needs
            return self.raised(call, error)
        if len(encoded) > self._most:
            refusal = TooLarge.of(len(encoded), self._most)
            return self.frame(call, _failure.too_large(call.id, call.tool.name, refusal))
        self.open.pop(call.id, None)
        self._outbox.put_result(call.id, encoded)

    def raised(self, call: Call, error: BaseException) -> None:
        self.frame(call, _failure.raised(call.id, error))

    def frame(self, call: Call, frame: wire.WorkerFrame, size: "int | None" = None) -> None:
        self.open.pop(call.id, None)
        self._outbox.put(frame, frame.ByteSize() if size is None else size)

    def refused(self, call: Call, stopping: bool) -> bool:
        """Whether a call must not begin; it is answered then."""
        if not self.take(call):
            return True  # answered when it was cancelled
        if stopping:
            why = "the worker stops, and the call had not begun"
            self.frame(call, _failure.cancelled(call.id, why, not_begun=True))
        elif call.deadline is not None and monotonic() >= call.deadline:
            self.frame(call, _failure.too_late(call.id, "the deadline passed before the call began", not_begun=True))
        else:
            return False
        return True

    def arguments(self, call: Call) -> "dict[str, Any] | None":
        """The arguments of a call, or None when they do not fit; it is answered then."""
        try:
            arguments = decode_arguments(call.arguments)
            call.arguments = b""
            call.tool.check(arguments)
            conversions = _conversions(call.tool)
            if conversions.has_arguments:
                conversions.arguments(arguments)
        except (TypeError, ValueError) as error:
            self.frame(call, _failure.invalid_argument(call.id, error))
            return None
        return arguments


def _conversions(tool: Tool) -> Conversions:
    conversions: "Conversions | None" = tool.conversions
    if conversions is None:
        conversions = tool.conversions = Conversions(tool.function)
    return conversions


class MainThread:
    """Runs the calls of sync tools. Only ``run`` is for the main thread itself."""

    def __init__(self, replies: Replies) -> None:
        self.running = 0
        """The id of the call being run; 0 when there is none."""
        self.on_call: Callable[[], None] = lambda: None
        """Called when one begins."""
        self._replies = replies
        # Its put() may be called by a signal handler at any moment, even within another put().
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._stopping = False
        self._forked = False
        os.register_at_fork(after_in_child=self._set_forked)

    def submit(self, call: Call) -> None:
        self._calls.put(call)
        if self._stopping:  # ``run`` may have looked at the queue for the last time
            self._replies.refused(call, stopping=True)

    def stop(self) -> None:
        """Begins nothing new; ``run`` returns after the running call. Safe in a signal handler."""
        self._stopping = True
        self._calls.put(None)

    def run(self, receive: "Callable[[], bool]") -> None:
        """Runs calls until told to stop. With none at hand it receives a message itself, which spares every short call
        the way from one thread to another; ``receive`` answers whether it did, or leaves that to whoever is at it."""
        while (call := self._next(receive)) is not None:
            if self._replies.refused(call, self._stopping):
                continue
            context = new_context()
            arguments = context.run(self._replies.arguments, call)
            if arguments is None:
                continue
            self.running = call.id
            self.on_call()
            self._run(call, arguments, context)
            self.running = 0
        self._give_back_rest()

    def _give_back_rest(self) -> None:
        """Calls can have come behind the order to end."""
        try:
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    self._replies.refused(call, stopping=True)
        except Empty:
            pass

    def _next(self, receive: "Callable[[], bool]") -> "Call | None":
        while True:
            try:
                return self._calls.get_nowait()
            except Empty:
                if self._stopping:
                    return None
                if not receive():
                    return self._wait()

    def _wait(self) -> "Call | None":
        while True:
            try:
                return self._calls.get(timeout=LOOK_EVERY)
            except Empty:
                pass

    def _run(self, call: Call, arguments: "dict[str, Any]", context: contextvars.Context) -> None:
        """In the context of the call, also what code of the user's the answer needs: a property, an exception's
        text."""
        try:
            value = context.run(call.tool.function, **arguments)
        except BaseException as error:  # also SystemExit: it ends the call, not the worker
            self._end_if_forked(error)
            context.run(self._replies.raised, call, error)
        else:
            self._end_if_forked(None)
            context.run(self._replies.value, call, value)

    def _set_forked(self) -> None:
        self._forked = True

    def _end_if_forked(self, error: "BaseException | None") -> None:
        """A tool has forked, and this is the child coming out of it: it must not go on as a second worker."""
        if self._forked:
            os._exit(_exit.of_child(error))
