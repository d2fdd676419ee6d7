"""The event loop of a worker whose tools are all async: it runs on the main thread and reads the socket there, so that
no call is handed from thread to thread. A call takes its first step as soon as it is read."""

import asyncio
import selectors
import sys
import threading
from collections.abc import Coroutine
from contextvars import Context
from time import sleep
from typing import TYPE_CHECKING, Any

from terrarium._event_loop import EventLoop
from terrarium._frames import Call
from terrarium._lane import LOOK_EVERY, Lane
from terrarium._receiving import receiver
from terrarium._spin import LONGEST, Spin

if TYPE_CHECKING:
    from terrarium._session import Session

_PATIENCE = 0.002
"""How long the loop may leave the socket unread before it is stood in for, in seconds."""
_LONGEST_PAUSE = 0.25
"""The longest time between two looks at the socket, in seconds. After a look that finds nothing the next pause is twice
as long."""


class _Selector(selectors.DefaultSelector):
    """Spins before it sleeps."""

    spin: "Spin | None" = None

    def select(self, timeout: "float | None" = None) -> "list[tuple[selectors.SelectorKey, int]]":
        spin, select = self.spin, super().select
        if spin is not None and spin.is_due and (timeout is None or timeout > LONGEST):
            found: "list[tuple[selectors.SelectorKey, int]] | None" = spin.wait(select)
            if found:
                return found
        return select(timeout)


class MainLoop(EventLoop):
    """``run`` it on the main thread."""

    def run(self, session: "Session", lane: Lane) -> None:
        """Receives and runs calls until ``stop``, and until all begun calls have ended."""
        self._session = session
        self._lane = lane
        self._main = threading.get_ident()
        self._receive = receiver(session, lane, self.calls, wait=False)
        self._selector.spin = session.spin
        self._reads = 0
        """How many times the socket was read here."""
        self._attributes: "dict[str, Any]" = vars(self._loop) if isinstance(self._loop, asyncio.BaseEventLoop) else {}
        self._steps: "list[tuple[Any, Context]]" = []
        self._loop.add_reader(lane.fileno(), self._read)
        self._look()
        threading.Thread(target=self._stand_in, name="terrarium-stand-in", daemon=True).start()
        self._run_until_idle()
        self._loop.remove_reader(lane.fileno())
        for task in asyncio.all_tasks(self._loop):
            # A tool has left it, and it ends with the process: asyncio would complain about that on standard error.
            task._log_destroy_pending = False  # type: ignore[attr-defined]

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        self._selector = _Selector()
        loop = asyncio.new_event_loop()
        if type(loop) is not asyncio.SelectorEventLoop:
            return loop  # of a policy that the module with the tools has set
        loop.close()
        return asyncio.SelectorEventLoop(self._selector)

    def begin(self) -> None:
        if self._idle.is_set():
            self._begin_all()  # the loop has ended: they are answered as cancelled
        elif threading.get_ident() != self._main:
            self._loop.call_soon_threadsafe(self._begin_all)

    def stop(self) -> None:
        """Lets no further call begin. Safe in a signal handler."""
        self._loop.call_soon_threadsafe(self._stop)

    def run_last(self, work: "Coroutine[Any, Any, None]") -> None:
        self._loop.run_until_complete(work)

    def drain(self) -> None:
        pass  # ``run`` has done it

    def _look(self) -> None:
        """Lets Python look for signals, see ``_lane.LOOK_EVERY``."""
        self._loop.call_later(LOOK_EVERY, self._look)

    def _read(self) -> None:
        self._reads += 1
        self._receive()
        # The answers of calls that end in their first step are sent together.
        self._flushes_soon = True
        try:
            self._begin_all()
        finally:
            self._flush_now()

    def _begin(self, call: Call) -> None:
        if self._loop.get_task_factory() is not None:  # a tool has set it, for all tasks of the loop
            return super()._begin(call)
        task = self._begun(self._run(call), call.tool.name, self._contexts())
        if not task.done():
            self._watch(call, task)

    def _stop_when_idle(self) -> None:
        super()._stop_when_idle()
        if self._idle.is_set():
            self._loop.stop()

    def _stand_in(self) -> None:
        """Receives in place of a loop that a tool blocks, so that pings are answered, and so are calls that are
        cancelled before they begin."""
        pause = _PATIENCE
        while not self._idle.is_set():
            sleep(pause)
            reads = self._reads
            if not self._lane.has_come(wait=False):
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _PATIENCE
            sleep(_PATIENCE)
            if reads == self._reads and self._lane.has_come(wait=False) and self._session.receiving.acquire(False):
                try:
                    self._session.receive(wait=False)
                finally:
                    self._session.receiving.release()
                self._flush()

    if sys.version_info >= (3, 12):

        def _begun(self, coroutine: Any, name: str, context: Context) -> "asyncio.Task[None]":
            """A task that has taken its first step."""
            return asyncio.Task(coroutine, loop=self._loop, name=name, context=context, eager_start=True)

    else:

        def _begun(self, coroutine: Any, name: str, context: Context) -> "asyncio.Task[None]":
            """A task that has taken its first step; on a loop that is not asyncio's own, a task that takes it soon."""
            # A new task hands its first step to call_soon of its loop. The step is taken here instead: for a call that
            # ends in it this saves a turn of the loop, about 7 µs of 12.
            of_loop, steps = self._attributes, self._steps
            of_loop["call_soon"] = self._keep_step
            try:
                task = context.run(asyncio.Task, coroutine, loop=self._loop, name=name)
            finally:
                of_loop.pop("call_soon")
            while steps:
                step, own = steps.pop()
                own.run(step)
            return task

        def _keep_step(self, step: Any, *, context: Context) -> None:
            self._steps.append((step, context))
