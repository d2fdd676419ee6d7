"""Batches: many calls of a tool marked with ``@tool(batch=…)`` become one call of its function, with lists. Each caller
is answered alone."""

import select
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING, Any

from terrarium import _failure
from terrarium._begun import WORDS
from terrarium._current import note
from terrarium._frames import Call, Carrier
from terrarium._late import late
from terrarium._replies import Replies, conversions_of
from terrarium._tools import Tool, Waiting
from terrarium._values._decode import NotReadable
from terrarium._values._plain import Reader

if TYPE_CHECKING:
    import asyncio

    from terrarium._calls import MainThread
    from terrarium._event_loop import EventLoop

_LAST_OF_SELECT = 1023
"""The highest descriptor that ``select`` takes. It waits to the microsecond, ``poll`` to the millisecond."""


class Items:
    """Makes one call of many, and many answers of one result."""

    def __init__(self, replies: Replies, page: Any) -> None:
        self._replies = replies
        self._page = page
        self._reader = Reader()

    def taken(self, waiting: Waiting, tool: Tool) -> "list[Call]":
        """The calls of the next batch. A call that is too late is answered."""
        batch: "list[Call]" = []
        now = monotonic()
        while len(batch) < tool.batch:
            try:
                call = waiting.calls.popleft()
            except IndexError:  # a call may just have been cancelled
                break
            if call.deadline is not None and now >= call.deadline:
                self._replies.too_late(call)
            else:
                call.batch = batch
                batch.append(call)
        return batch

    def columns(self, tool: Tool, batch: "list[Call]") -> "dict[str, list[Any]]":
        """The arguments of the calls, as a list for each name. Notes the calls as begun. Removes a call whose
        arguments do not fit from ``batch``, and answers it. May call user code."""
        rows: "list[dict[str, Any]]" = []
        refused: "list[Call]" = []
        page, read, shapes = self._page, self._reader.arguments, tool.shapes
        for call in batch:
            page[call.id % WORDS] = call.id
            row = read(call.body, shapes) if tool.is_plain and not call.segments else None
            if row is None:
                row = self._row(tool, call)
                if row is None:
                    refused.append(call)
                    continue
            rows.append(row)
        for call in refused:
            batch.remove(call)
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}

    def _row(self, tool: Tool, call: Call) -> "dict[str, Any] | None":
        given = self._replies.arguments(call, converts=False)
        if given is None:
            return None
        row = given[1]
        conversions = conversions_of(tool)
        if conversions.has_arguments:
            try:
                columns = {name: [value] for name, value in row.items()}  # hints are of lists
                conversions.arguments(columns)
                row = {name: column[0] for name, column in columns.items()}
            except NotReadable as error:
                self._replies.failed(call, _failure.invalid_argument(call.id, error))
                return None
        return row

    def answer(self, tool: Tool, batch: "list[Call]", value: Any) -> None:
        """Answers each call with its part of the result. May call user code."""
        try:
            parts = list(value)
            if len(parts) != len(batch) or isinstance(value, (str, bytes, dict)):
                raise TypeError(f"a batch of {len(batch)} calls of {tool.name} returned {_what(value)}")
        except Exception as error:
            return self.raised(batch, error)
        replies = self._replies
        opened, plain, is_plain = replies.open, replies.plain, tool.is_plain
        for call, part in zip(batch, parts):
            if opened.pop(call.id, None) is not call:
                continue  # it was cancelled meanwhile
            if is_plain and plain(call, part):
                continue
            if isinstance(part, BaseException):
                replies.raised(call, part)
            else:
                replies.value(call, part, lambda part: conversions_of(tool).result([part])[0])

    def raised(self, batch: "list[Call]", error: BaseException) -> None:
        """The exception is the answer to each call."""
        for call in batch:
            if self._replies.open.pop(call.id, None) is call:
                self._replies.raised(call, error)

    def cancelled(self, batch: "list[Call]") -> None:
        for call in batch:
            if self._replies.open.pop(call.id, None) is call:
                self._replies.failed(call, _failure.cancelled(call.id))

    def give_back(self, waiting: Waiting) -> None:
        """The worker stops: no batch begins any more."""
        while True:
            try:
                self._replies.stopped(waiting.calls.popleft())
            except IndexError:
                return


def _what(value: Any) -> str:
    try:
        return f"{len(value)} results" if not isinstance(value, (str, bytes, dict)) else f"a {type(value).__name__}"
    except TypeError:
        return f"a {type(value).__name__}, which is no list"


def cancel(call: Call, replies: Replies, unless_begun: bool) -> bool:
    """Cancels a call of a batch: it is answered alone. False if it is the last one of a batch that runs: its worker is
    as busy with it as with any other call."""
    try:
        call.tool.waiting.calls.remove(call)
    except ValueError:
        batch = None if unless_begun else call.batch
        if batch is None or not any(each is not call and replies.open.get(each.id) is each for each in batch):
            return False
        if replies.open.pop(call.id, None) is call:
            replies.failed(call, _failure.cancelled(call.id))
    else:
        replies.cancelled(call)
    return True


class SyncBatches:
    """The batches of sync tools. They run on the main thread."""

    def __init__(
        self,
        main_thread: "MainThread",
        replies: Replies,
        page: Any,
        contexts: "Callable[[], Context]",
        carrier: Carrier,
        flush: "Callable[[], None]",
    ) -> None:
        self._main_thread = main_thread
        self._items = Items(replies, page)
        self._contexts = contexts
        self._carrier = carrier
        self._flush = flush
        self._tools: "list[Tool]" = []
        """The tools with calls that wait, in the order in which their batches are due."""
        self.is_running = False
        """Whether the main thread is with a batch."""

    def add(self, call: Call) -> bool:
        """Takes a call whose turn has come. Runs its batch if that is full, and answers whether it did."""
        tool: Tool = call.tool
        waiting = tool.waiting
        if tool not in self._tools:
            waiting.due = monotonic() + tool.within
            self._tools.append(tool)
            self._tools.sort(key=lambda each: each.waiting.due)
        waiting.calls.append(call)
        if len(waiting.calls) < tool.batch:
            return False
        self._run(tool)
        return True

    def receiver(self, receive: "Callable[[], bool]") -> "Callable[[], bool]":
        """As ``receive``, for a main thread without other calls: it returns in time for the batches."""

        def receive_in_time() -> bool:
            if not self._tools:
                return receive()
            left = self._tools[0].waiting.due - monotonic()
            if left <= 0:
                self._run(self._tools[0])
                return True
            if not self._carrier.waits_are_short:
                self._main_thread.wait_for_others(left, self._tools[0].waiting.calls)
            elif self._has_come(left):
                return receive()
            return True

        return receive_in_time

    def _has_come(self, seconds: float) -> bool:
        descriptor = self._carrier.fileno()
        if descriptor <= _LAST_OF_SELECT:
            return bool(select.select([descriptor], [], [], seconds)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(1000 * seconds))

    def give_back(self) -> None:
        for tool in self._tools:
            self._items.give_back(tool.waiting)
        self._tools.clear()

    def _run(self, tool: Tool) -> None:
        self._tools.remove(tool)
        batch = self._items.taken(tool.waiting, tool)
        if tool.waiting.calls:
            self._tools.append(tool)
        if not batch:
            return
        self._flush()
        self.is_running = True
        self._call(tool, batch)
        self.is_running = False

    def _call(self, tool: Tool, batch: "list[Call]") -> None:
        items, main_thread = self._items, self._main_thread
        main_thread.begins(batch[0])
        run = self._contexts().run
        run(note, batch[0])
        columns = run(items.columns, tool, batch)
        if not batch:
            return
        try:
            value = run(tool.function, **columns)
        except BaseException as error:  # SystemExit too: it ends the calls, not the worker
            main_thread.end_if_forked(error)
            run(items.raised, batch, error)
            return
        main_thread.end_if_forked(None)
        run(items.answer, tool, batch, value)


class AsyncBatches:
    """The batches of async tools, on their event loop."""

    def __init__(
        self, event_loop: "EventLoop", replies: Replies, page: Any, contexts: "Callable[[], Context]"
    ) -> None:
        self._event_loop = event_loop
        self._items = Items(replies, page)
        self._contexts = contexts
        self._cancelled_error: "type[BaseException]" = late("asyncio").CancelledError
        self._timers: "dict[Tool, asyncio.TimerHandle]" = {}

    def add(self, call: Call) -> None:
        tool: Tool = call.tool
        waiting = tool.waiting
        waiting.calls.append(call)
        if len(waiting.calls) >= tool.batch:
            self._begin(tool)
        elif tool not in self._timers:
            self._timers[tool] = self._event_loop.loop.call_later(tool.within, self._begin, tool)

    def give_back(self) -> None:
        for tool, timer in self._timers.items():
            timer.cancel()
            self._items.give_back(tool.waiting)
        self._timers.clear()

    def _begin(self, tool: Tool) -> None:
        timer = self._timers.pop(tool, None)
        if timer is not None:
            timer.cancel()
        batch = self._items.taken(tool.waiting, tool)
        if tool.waiting.calls:
            self._timers[tool] = self._event_loop.loop.call_later(tool.within, self._begin, tool)
        if batch:
            loop = self._event_loop.loop
            task = self._contexts().run(loop.create_task, self._run(tool, batch), name=tool.name)
            self._event_loop.watch_batch(batch, task)
        self._event_loop.flush_soon()

    async def _run(self, tool: Tool, batch: "list[Call]") -> None:
        event_loop, items = self._event_loop, self._items
        note(batch[0])
        columns = items.columns(tool, batch)
        if batch:
            try:
                value = await tool.function(**columns)
            except self._cancelled_error as error:
                event_loop.end_if_forked(error)
                items.cancelled(batch)
            except BaseException as error:  # SystemExit too: it ends the calls, not the worker
                event_loop.end_if_forked(error)
                items.raised(batch, error)
            else:
                event_loop.end_if_forked(None)
                items.answer(tool, batch, value)
        event_loop.flush_soon()
