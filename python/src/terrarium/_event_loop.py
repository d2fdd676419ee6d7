"""The event loop of async tools, on a thread of its own. All their calls run on it concurrently."""

import asyncio
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from terrarium import _async_streams, _exit, _failure
from terrarium._begun import WORDS
from terrarium._current import note
from terrarium._frames import Call, Failure, StreamCall
from terrarium._replies import Replies
from terrarium._streams import Items
from terrarium._values._plain import Reader

if TYPE_CHECKING:
    from terrarium._batches import AsyncBatches


class EventLoop:
    """``start`` it. The public methods are called from other threads."""

    def __init__(
        self,
        replies: Replies,
        page: Any,
        contexts: "Callable[[], contextvars.Context]",
        flush: "Callable[[], None]",
        items: Items,
    ) -> None:
        self._items = items
        self.calls: "deque[Call]" = deque()
        """The calls that have not begun. A thread that removes a call from here answers it; nothing else does."""
        self._replies = replies
        self._page = page
        self._reader = Reader()
        self._contexts = contexts
        self._flush = flush
        self._flushes_soon = False
        # By call and not by id, because the host may reuse an id as soon as its call is answered.
        self._tasks: dict[Call, asyncio.Task[None]] = {}
        self._timers: dict[Call, asyncio.TimerHandle] = {}
        self._late: set[Call] = set()
        self._work: "set[asyncio.Task[None]]" = set()
        self._stopping = False
        self._forked = False
        os.register_at_fork(after_in_child=self._set_forked)
        self._idle = threading.Event()
        self._loop = self.loop = self._new_loop()
        self.batches: "AsyncBatches | None" = None

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def start(self) -> None:
        threading.Thread(target=self._run_until_idle, args=(False,), name="terrarium-event-loop", daemon=True).start()

    def begin(self) -> None:
        """Begins what is in ``calls``."""
        self._loop.call_soon_threadsafe(self._begin_all)

    def cancel(self, call: Call) -> None:
        """Cancels the task of a call, if there is one."""
        self._loop.call_soon_threadsafe(self._cancel, call)

    def wake(self, call: StreamCall) -> None:
        """A stream has credit."""
        self._loop.call_soon_threadsafe(_async_streams.wake, call)

    def call_soon(self, work: "Coroutine[Any, Any, None]") -> None:
        """Runs what belongs to no call, beside the calls."""
        self._loop.call_soon_threadsafe(self._begin_work, work)

    def _begin_work(self, work: "Coroutine[Any, Any, None]") -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def run_last(self, work: "Coroutine[Any, Any, None]") -> None:
        """Runs it to its end, when no call runs any more. For the main thread."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def drain(self) -> None:
        """Lets no further call begin, and waits until all begun calls have ended."""
        self._loop.call_soon_threadsafe(self._stop)
        self._idle.wait()

    def _run_until_idle(self, ends: bool = True) -> None:
        """``ends``: returns when no further call may begin, and all begun calls have ended."""
        asyncio.set_event_loop(self._loop)
        while not self._loop.is_closed():
            if ends and self._idle.is_set():
                return
            try:
                self._loop.run_forever()
            except BaseException as error:  # asyncio re-raises a task's SystemExit here; other tasks go on
                _exit.say(f"an async tool tried to end the event loop: {_failure.text_of(error)}")
        # Without the loop no async call is ever answered.
        _exit.say("an async tool has closed the event loop")
        os._exit(_exit.EXCEPTION)

    def _begin_all(self) -> None:
        while True:
            try:
                call = self.calls.popleft()
            except IndexError:
                return
            if self._stopping:
                self._replies.stopped(call)
            elif call.deadline is not None and monotonic() >= call.deadline:
                self._replies.too_late(call)
            elif self.batches is not None and call.tool.batch:
                self.batches.add(call)
                continue
            else:
                self._begin(call)
                continue
            self.flush_soon()

    def _begin(self, call: Call) -> None:
        # A task copies the context in which it is made.
        task = self._contexts().run(self._loop.create_task, self._run(call), name=call.tool.name)
        self._watch(call, task)

    def _watch(self, call: Call, task: "asyncio.Task[None]") -> None:
        self._tasks[call] = task
        task.add_done_callback(lambda _task: self._ended(call))
        if call.deadline is not None:
            self._timers[call] = self._loop.call_later(call.deadline - monotonic(), self._expire, call)

    async def _run(self, call: Call) -> None:
        # Before any user code: decoding the arguments may call some.
        self._page[call.id % WORDS] = call.id
        note(call)
        tool, replies = call.tool, self._replies
        if tool.is_stream:
            await self._run_stream(cast("StreamCall", call))
            return self.flush_soon()
        function: "Callable[..., Any]" = tool.function
        arguments = None
        if tool.is_plain and not call.segments:
            arguments = self._reader.arguments(call.body, tool.shapes)
        if arguments is None:
            given = replies.arguments(call)
            if given is not None:
                positional, arguments = given
                if call.id in replies.feeds.by_call:
                    return await self._run_with_feeds(call, positional, arguments)
                if positional:
                    function = partial(function, *positional)
        if arguments is not None:
            try:
                value = await function(**arguments)
            except asyncio.CancelledError as error:
                self.end_if_forked(error)
                replies.failed(call, self._cancelled(call, error))
            except BaseException as error:  # SystemExit too: it ends the call, not the worker
                self.end_if_forked(error)
                replies.raised(call, error)
            else:
                self.end_if_forked(None)
                if not (tool.is_plain and replies.plain(call, value)):
                    replies.value(call, value)
        self.flush_soon()

    async def _run_with_feeds(self, call: Call, positional: "list[Any]", arguments: "dict[str, Any]") -> None:
        replies = self._replies
        value, error = None, None
        try:
            coroutine = call.tool.function(*positional, **arguments)
            # Only the coroutine holds the arguments now: an iterator among them that it drops is closed.
            positional.clear()
            arguments.clear()
            value = await coroutine
        except BaseException as raised:  # SystemExit too: it ends the call, not the worker
            error = raised
        replies.feeds.ended(call)
        self.end_if_forked(error)
        if isinstance(error, asyncio.CancelledError):
            replies.failed(call, self._cancelled(call, error))
        elif error is not None:
            replies.raised(call, error)
        else:
            replies.value(call, value)
        self.flush_soon()

    async def _run_stream(self, call: StreamCall) -> None:
        replies = self._replies
        given = replies.arguments(call)
        if given is None:
            return
        outcome = await _async_streams.send_all(self._items, call, *given, self._flush, self.flush_soon)
        replies.feeds.ended(call)
        error = outcome if isinstance(outcome, BaseException) else None
        self.end_if_forked(error)
        if isinstance(outcome, Failure):
            replies.failed(call, outcome)
        elif isinstance(error, asyncio.CancelledError) or (error is None and call.cancelled):
            replies.failed(call, self._cancelled(call, error))
        elif error is not None:
            replies.raised(call, error)
        else:
            replies.over(call)

    def _set_forked(self) -> None:
        self._forked = True

    def end_if_forked(self, error: "BaseException | None") -> None:
        """Exits if this is a child that the tool forked and that returned from it, since it must not become a second
        worker."""
        if self._forked:
            os._exit(_exit.of_child(error))

    def flush_soon(self) -> None:
        """Sends the answers of this turn of the loop together."""
        if not self._flushes_soon:
            self._flushes_soon = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushes_soon = False
        self._flush()

    def _cancelled(self, call: Call, error: "BaseException | None") -> Failure:
        if call in self._late:
            return _failure.too_late(call.id, "the deadline passed while the coroutine ran")
        if call.cancelled:
            return _failure.cancelled(call.id)
        return _failure.raised(call.id, error or asyncio.CancelledError("the task was cancelled before it began"))

    def _expire(self, call: Call) -> None:
        task = self._tasks.get(call)
        if task is not None:
            self._late.add(call)
            task.cancel()

    def _cancel(self, call: Call) -> None:
        task = self._tasks.get(call)
        if task is not None:
            task.cancel()

    def watch_batch(self, batch: "list[Call]", task: "asyncio.Task[None]") -> None:
        """The task belongs to all these calls."""
        first = batch[0]
        self._tasks[first] = task
        task.add_done_callback(lambda _task: self._batch_ended(first))

    def _batch_ended(self, first: Call) -> None:
        del self._tasks[first]
        self._stop_when_idle()

    def _ended(self, call: Call) -> None:
        del self._tasks[call]
        if self._replies.open.get(call.id) is call:
            # The task was cancelled before its first step, by the host, the deadline or another tool.
            self._replies.failed(call, self._cancelled(call, None))
            self.flush_soon()
        self._late.discard(call)
        timer = self._timers.pop(call, None)
        if timer is not None:
            timer.cancel()
        self._stop_when_idle()

    def _stop(self) -> None:
        self._stopping = True
        if self.batches is not None:
            self.batches.give_back()
            self.flush_soon()
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        if self._stopping and not self._tasks:
            self._idle.set()
