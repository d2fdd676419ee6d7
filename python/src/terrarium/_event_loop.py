"""The event loop of async tools, on a thread of its own. All their calls run on it concurrently."""

import asyncio
import contextvars
import os
import threading
from time import monotonic

from terrarium import _exit, _failure
from terrarium._calls import Call, Replies, new_context
from terrarium.v1 import session_pb2 as wire


class EventLoop:
    """Starts its thread when it is made. The public methods are called from other threads."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._base = contextvars.copy_context()
        """Has what the module set when it was imported. Copied here, on the main thread, because the loop's thread has
        an empty context."""
        # By call and not by id, because the host may reuse an id as soon as its call is answered.
        self._tasks: dict[Call, asyncio.Task[None]] = {}
        self._timers: dict[Call, asyncio.TimerHandle] = {}
        self._late: set[Call] = set()
        self._stopping = False
        self._idle = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run_forever, name="terrarium-event-loop", daemon=True).start()

    def submit(self, calls: list[Call]) -> None:
        """Begins calls."""
        self._loop.call_soon_threadsafe(self._begin, calls)

    def cancel(self, call: Call) -> None:
        """Cancels the task of a call, if there is one."""
        self._loop.call_soon_threadsafe(self._cancel, call)

    def drain(self) -> None:
        """Lets no further call begin, and waits until all begun calls have ended."""
        self._loop.call_soon_threadsafe(self._stop)
        self._idle.wait()

    def _run_forever(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._loop.is_closed():
            try:
                self._loop.run_forever()
            except BaseException as error:  # asyncio re-raises a task's SystemExit here; other tasks go on
                _exit.say(f"an async tool tried to end the event loop: {_failure.text_of(error)}")
        # Without the loop no async call is ever answered.
        _exit.say("an async tool has closed the event loop")
        os._exit(_exit.EXCEPTION)

    def _begin(self, calls: list[Call]) -> None:
        for call in calls:
            if self._replies.refused(call, self._stopping):
                continue
            context = self._base.run(new_context)
            # A task copies the context in which it is made.
            task = context.run(self._loop.create_task, self._run(call), name=f"{call.tool.name} {call.id}")
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
            self._replies.frame(call, self._cancelled(call, error))
        except BaseException as error:  # SystemExit too: it ends the call, not the worker
            self._replies.raised(call, error)
        else:
            self._replies.value(call, value)

    def _cancelled(self, call: Call, error: "BaseException | None") -> "wire.WorkerFrame":
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

    def _ended(self, call: Call) -> None:
        del self._tasks[call]
        if self._replies.open.get(call.id) is call:
            # The task was cancelled before its first step, by the host, the deadline or another tool.
            self._replies.frame(call, self._cancelled(call, None))
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
