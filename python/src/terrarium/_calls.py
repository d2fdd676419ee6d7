"""Calls, their replies, and the main thread, which runs the calls of sync tools one at a time in order of arrival."""

import contextvars
import os
import sys
from _queue import Empty, SimpleQueue  # not from queue, where gevent replaces them
from collections.abc import Callable
from time import monotonic
from types import CoroutineType
from typing import Any

from terrarium import _exit, _failure
from terrarium._outbox import FRAME_OVERHEAD, Outbox
from terrarium._tools import Tool
from terrarium._values._decode import decode_arguments
from terrarium._values._encode import in_one
from terrarium._values._hints import Conversions
from terrarium._values._refusal import NotSendable, TooLarge
from terrarium.v1 import session_pb2 as wire

LOOK_EVERY = 0.25
"""How long the main thread waits at most before it looks for signals, in seconds. Python runs signal handlers between
two instructions of the main thread. A signal that arrives just before the thread blocks does not wake it."""


class Call:
    """A call that the host has sent."""

    __slots__ = ("arguments", "cancelled", "deadline", "id", "tool")

    def __init__(self, id: int, tool: Tool, arguments: bytes, timeout_ms: int) -> None:
        self.id = id
        self.tool = tool
        self.arguments = arguments
        self.deadline = monotonic() + timeout_ms / 1000 if timeout_ms else None
        """In seconds on the monotonic clock; None without a deadline."""
        self.cancelled = False


def new_context() -> contextvars.Context:
    """A context for one call. It has what the module set when it was imported, and nothing that another call set."""
    context = contextvars.copy_context()
    # A decimal context is one object that is changed in place, so a copied context would share it.
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        context.run(decimal.setcontext, decimal.getcontext().copy())
    return context


class Replies:
    """Sends the results and failures of calls, and keeps the calls that are not answered yet."""

    def __init__(self, outbox: Outbox, max_message_bytes: int) -> None:
        self._outbox = outbox
        self._most = max_message_bytes - FRAME_OVERHEAD
        self.open: dict[int, Call] = {}
        """Received and not yet answered, by id."""
        self._waiting: set[Call] = set()
        """Received and not yet begun. Several threads may take a call; only the thread that removes it from here begins
        or answers it."""

    def check(self, id: int) -> None:
        """Raises ValueError if a new call may not have this id: 0, or an id in use."""
        if id == 0 or id in self.open:
            raise ValueError(f"it sent a call with id {id}, which is {'in use' if id else 'no id'}")

    def received(self, call: Call) -> None:
        """Adds a call that has not begun."""
        self.open[call.id] = call
        self._waiting.add(call)

    def take(self, call: Call) -> bool:
        """True for exactly one caller, which must begin the call or answer it without beginning. Atomic."""
        try:
            self._waiting.remove(call)
        except KeyError:
            return False
        return True

    def give_back(self, call: Call) -> None:
        """Answers a call as cancelled if it has not begun."""
        if self.take(call):
            call.arguments = b""
            self.frame(call, _failure.cancelled(call.id, "the call was cancelled before it began", not_begun=True))

    def value(self, call: Call, value: Any) -> None:
        """Sends the result of a call, or a failure if the value cannot be sent."""
        try:
            encoded = in_one(_conversions(call.tool).result(value))
        except TooLarge as error:
            return self.frame(call, _failure.too_large(call.id, call.tool.name, error))
        except NotSendable as error:
            if type(value) is CoroutineType:
                value.close()  # or Python warns that it was never awaited
            return self.frame(call, _failure.not_sendable(call.id, call.tool.name, error))
        except BaseException as error:  # raised by user code that encoding the value calls
            return self.raised(call, error)
        if len(encoded) > self._most:
            refusal = TooLarge.of(len(encoded), self._most)
            return self.frame(call, _failure.too_large(call.id, call.tool.name, refusal))
        self.open.pop(call.id, None)
        self._outbox.put_result(call.id, encoded)

    def raised(self, call: Call, error: BaseException) -> None:
        """Sends the exception of a tool as the failure of its call."""
        self.frame(call, _failure.raised(call.id, error))

    def frame(self, call: Call, frame: wire.WorkerFrame, size: "int | None" = None) -> None:
        """Answers a call with this frame. ``size`` in bytes; default: that of the frame."""
        self.open.pop(call.id, None)
        self._outbox.put(frame, frame.ByteSize() if size is None else size)

    def refused(self, call: Call, stopping: bool) -> bool:
        """Takes a call. Returns False if it may begin. Otherwise answers it, unless it was answered before, and returns
        True."""
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
        """The converted arguments of a call. If they do not fit the tool, answers the call and returns None."""
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
        """The id of the running call; 0 when there is none."""
        self.on_call: Callable[[], None] = lambda: None
        """Called when a call begins."""
        self._replies = replies
        # Its put() may be called by a signal handler at any moment, even within another put().
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._stopping = False
        self._forked = False
        os.register_at_fork(after_in_child=self._set_forked)

    def submit(self, call: Call) -> None:
        """Queues a call. After ``stop`` it is answered as cancelled."""
        self._calls.put(call)
        if self._stopping:  # ``run`` may have looked at the queue for the last time
            self._replies.refused(call, stopping=True)

    def stop(self) -> None:
        """Lets no further call begin; ``run`` returns after the running call. Safe in a signal handler."""
        self._stopping = True
        self._calls.put(None)

    def run(self, receive: "Callable[[], bool]") -> None:
        """Runs calls until ``stop``. While no call waits it receives messages itself, which saves each short call a
        switch between threads. ``receive`` returns False without receiving if another thread is receiving already."""
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
        """Answers calls that came after the order to end as cancelled."""
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
        """Runs the tool and sends its answer. Both happen in the call's context, because encoding the answer may call
        user code: a property, or an exception's ``__str__``."""
        try:
            value = context.run(call.tool.function, **arguments)
        except BaseException as error:  # SystemExit too: it ends the call, not the worker
            self._end_if_forked(error)
            context.run(self._replies.raised, call, error)
        else:
            self._end_if_forked(None)
            context.run(self._replies.value, call, value)

    def _set_forked(self) -> None:
        self._forked = True

    def _end_if_forked(self, error: "BaseException | None") -> None:
        """Exits if this is a child that the tool forked and that returned from it, since it must not become a second
        worker."""
        if self._forked:
            os._exit(_exit.of_child(error))
