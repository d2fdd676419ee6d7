"""Runs the generators of sync tools, and sends the items of all. A generator is not advanced while its stream has no
credit, and is closed when the stream ends, however that comes. ``_async_streams`` does so for async tools."""

import os
from collections.abc import Callable
from time import monotonic
from typing import Any

from terrarium import _exit, _failure
from terrarium._frames import ITEM_OVERHEAD, Carrier, Failure, StreamCall, size_of
from terrarium._replies import Replies, conversions_of
from terrarium._values._encode import encode
from terrarium._values._plain import encode_plain
from terrarium._values._refusal import NotSendable, TooLarge

FLUSH_EVERY = 50e-6
"""How long an item waits for those behind it, in seconds."""


class Items:
    """Sends items. For any thread."""

    def __init__(self, replies: Replies, carrier: Carrier, max_bytes: int, flush: "Callable[[bool], None]") -> None:
        self.replies = replies
        self._carrier = carrier
        self._most = max_bytes
        self._flush = flush

    def send(self, call: StreamCall, value: Any) -> "Failure | None":
        """Queues an item. Returns the failure that ends the stream if the item cannot be sent. May call user code."""
        tool = call.tool
        segments: Any = ()
        body = encode_plain(value) if tool.is_plain else None
        if body is None:
            try:
                body, segments = encode(conversions_of(tool).result(value), self._carrier.sends_apart)
            except TooLarge as error:
                return _failure.too_large(call.id, f"an item of {tool.name}", error)
            except NotSendable as error:
                return _failure.not_sendable(call.id, f"an item of {tool.name}", error)
            except BaseException as error:  # raised by user code that encoding the value calls
                return _failure.raised(call.id, error)
        size = len(body) if not segments else size_of(body, segments)
        if size > self._most:
            return _failure.too_large(call.id, f"an item of {tool.name}", TooLarge.of(size, self._most))
        call.spent += size + ITEM_OVERHEAD
        if self._carrier.send_item(call.id, body, segments):
            self._flush(True)
        return None


class MainThreadStreams:
    """Runs the generators of sync tools. For the main thread."""

    def __init__(
        self, items: Items, flush: "Callable[[], None]", await_credit: "Callable[[StreamCall], None]"
    ) -> None:
        """``await_credit`` may return before there is any."""
        self._items = items
        self._flush = flush
        self._await_credit = await_credit
        self.is_running = False
        self.is_waiting = False
        """The main thread receives, or waits for another thread that does."""

    def run(self, call: StreamCall, is_fork: "Callable[[], bool]") -> None:
        """Runs a generator and answers its call. ``is_fork``: whether this is a child that the tool has forked, and
        that must not become a second worker."""
        replies = self._items.replies
        given = replies.arguments(call)
        if given is None:
            return
        self.is_running = True
        outcome = self._send_all(call, *given, is_fork)
        self.is_running = False
        error = outcome if isinstance(outcome, BaseException) else None
        if is_fork():
            os._exit(_exit.of_child(error))
        if isinstance(outcome, Failure):
            replies.failed(call, outcome)
        elif error is not None:
            replies.raised(call, error)
        elif call.cancelled:
            replies.failed(call, _failure.cancelled(call.id))
        else:
            replies.over(call)

    def _send_all(
        self, call: StreamCall, positional: "list[Any]", arguments: "dict[str, Any]", is_fork: "Callable[[], bool]"
    ) -> "Failure | BaseException | None":
        """Sends the items until there are no more, or the stream is cancelled, or an item cannot be sent. Returns that
        failure, or what the tool has raised."""
        send, flush = self._items.send, self._flush
        flushed = 0.0
        failure: "Failure | None" = None
        try:
            generator = call.tool.function(*positional, **arguments)
            for value in generator:
                if call.cancelled or is_fork():
                    break
                failure = send(call, value)
                if failure is not None:
                    break
                now = monotonic()
                if now - flushed > FLUSH_EVERY:
                    flush()
                    flushed = now
                if call.must_wait:
                    flush()
                    self.is_waiting = True
                    while call.must_wait:
                        self._await_credit(call)
                    self.is_waiting = False
                if call.cancelled:
                    break
            generator.close()
        except BaseException as error:  # SystemExit too: it ends the stream, not the worker
            return failure or error
        return failure
