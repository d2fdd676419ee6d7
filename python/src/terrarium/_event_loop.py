"""Async tools: an event loop on a thread of its own, on which their calls run together."""

import asyncio
import contextlib
import threading
import traceback
from time import monotonic

from terrarium import _failure
from terrarium._calls import Call, Replies


class EventLoop:
    """Started once, by the first need of it. Its public methods are for other threads."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        # By call and not by id: an id may be used again as soon as the call has been answered.
        self._tasks: dict[Call, asyncio.Task[None]] = {}
        self._timers: dict[Call, asyncio.TimerHandle] = {}
        self._late: set[Call] = set()
        self._stopping = False
        self._idle = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run_forever, name="terrarium-event-loop", daemon=True).start()

    def submit(self, calls: list[Call]) -> None:
        self._loop.call_soon_threadsafe(self._begin, calls)

    def cancel(self, call: Call) -> None:
        self._loop.call_soon_threadsafe(self._cancel, call)

    def drain(self) -> None:
        """Begins nothing new and waits for what has begun."""
        self._loop.call_soon_threadsafe(self._stop)
        self._idle.wait()

    def _run_forever(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_forever()
            except BaseException:  # a SystemExit in a task of user code comes out here; the others go on
                with contextlib.suppress(Exception):  # what user code has made of sys.stderr may not take it
                    traceback.print_exc()

    def _begin(self, calls: list[Call]) -> None:
        for call in calls:
            if self._replies.refused(call, self._stopping):
                continue
            task = self._loop.create_task(self._run(call), name=f"{call.tool.name} {call.id}")
            self._tasks[call] = task
            task.add_done_callback(lambda _task, call=call: self._ended(call))  # type: ignore[misc]
            if call.deadline is not None:
                self._timers[call] = self._loop.call_later(call.deadline - monotonic(), self._expire, call)

    async def _run(self, call: Call) -> None:
        arguments = self._replies.arguments(call)
        if arguments is None:
            return
        try:
            value = await call.tool.function(**arguments)
        except asyncio.CancelledError as error:
            if call in self._late:
                frame = _failure.too_late(call.id, "the deadline passed while the coroutine ran")
            elif call.cancelled:
                frame = _failure.cancelled(call.id)
            else:
                frame = _failure.raised(call.id, error)
            self._replies.frame(call, frame)
        except BaseException as error:  # also SystemExit: it ends the call, not the worker
            self._replies.frame(call, _failure.raised(call.id, error))
        else:
            self._replies.value(call, value)

    def _expire(self, call: Call) -> None:
        task = self._tasks.get(call)
        if task is not None:
            self._late.add(call)
            task.cancel()

    def _cancel(self, call: Call) -> None:
        task = self._tasks.get(call)
        if task is not None:
            task.cancel()

    def _ended(self, call: Call) -> None:
        del self._tasks[call]
        self._late.discard(call)
        timer = self._timers.pop(call, None)
        if timer is not None:
            timer.cancel()
        self._stop_when_idle()

    def _stop(self) -> None:
        self._stopping = True
        self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        if self._stopping and not self._tasks:
            self._idle.set()
