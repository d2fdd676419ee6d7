"""The main thread of a worker, which runs the calls of sync tools one at a time in order of arrival."""

import contextvars
import os
from _queue import Empty, SimpleQueue  # not from queue, where gevent replaces them
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from terrarium import _exit
from terrarium._begun import WORDS
from terrarium._current import note
from terrarium._frames import Call, StreamCall
from terrarium._replies import Replies
from terrarium._streams import MainThreadStreams
from terrarium._values._plain import Reader

if TYPE_CHECKING:
    from terrarium._batches import SyncBatches
    from terrarium._host_calls import Awaited
    from terrarium._sessions import Closing
    from terrarium._stand_in import StandIn

LOOK_EVERY = 0.25
"""How long the main thread waits at most before it looks for signals, in seconds. Python runs signal handlers between
two instructions of the main thread. A signal that arrives just before the thread blocks does not wake it."""

_FLUSH_EVERY = 50e-6
"""How long an answer waits for those behind it, in seconds. The first answer of several does not wait, so that the host
handles answers while this thread makes the next ones."""
_LONG = 200e-6
"""An answer does not wait for a tool that took this long the last time, in seconds."""


class MainThread:
    """Runs the calls of sync tools. Only ``run`` is for the main thread itself."""

    def __init__(
        self,
        replies: Replies,
        page: Any,
        contexts: "Callable[[], contextvars.Context]",
        flush: "Callable[[], None]",
        streams: MainThreadStreams,
    ) -> None:
        self.streams = streams
        self.running = 0
        """The id of the call that runs or whose answer is being sent; 0 when there is none."""
        self.calls: "deque[Call]" = deque()
        """The calls that have not begun. A thread that removes a call from here answers it; nothing else does."""
        self._replies = replies
        self._page = page
        self._contexts = contexts
        self._flush = flush
        self._reader = Reader()
        self.stand_in: "StandIn | None" = None
        self.batches: "SyncBatches | None" = None
        # Its put() may be called by a signal handler at any moment, even within another put().
        self._news: "SimpleQueue[None]" = SimpleQueue()
        self._is_waiting = False
        self.is_in_host_call = False
        """It waits for the answer of the host, and receives meanwhile."""
        self.is_stopping = False
        self._forked = False
        os.register_at_fork(after_in_child=self._set_forked)

    def submit(self, call: Call) -> None:
        """Queues a call. After ``stop`` it is answered as cancelled."""
        self.calls.append(call)
        self.submitted()

    def submitted(self) -> None:
        """Call it when calls were added to ``calls``."""
        if self._is_waiting:
            self._news.put(None)
        if self.is_stopping:  # ``run`` may have looked at the queue for the last time
            self._give_back_all()

    def stop(self) -> None:
        """Lets no further call begin; ``run`` returns after the running call. Safe in a signal handler."""
        self.is_stopping = True
        self._news.put(None)

    def run(self, receive: "Callable[[], bool]") -> None:
        """Runs calls until ``stop``. While no call waits it receives frames itself, which saves each short call a
        switch between threads. ``receive`` returns False without receiving if another thread is receiving already."""
        calls = self.calls
        flushed = now = 0.0
        while not self.is_stopping:
            # No tool runs within an except clause: it would see that exception as its own context.
            if not calls:
                self._flush()
                self.running = 0
                if not receive():
                    self._wait()
                flushed, now = 0.0, monotonic()
                continue
            try:
                call = calls.popleft()
            except IndexError:  # the stand-in has just answered it
                continue
            if call.tool.is_long:
                if call.id == 0:
                    cast("Closing", call).run()
                    now = monotonic()
                    continue
                if call.tool.batch:
                    if self._add_to_batch(call):
                        now = monotonic()
                    continue
                self._flush()
            began = now
            if call.deadline is not None and monotonic() >= call.deadline:
                self._replies.too_late(call)
            else:
                self._run(call)
            now = monotonic()
            call.tool.is_long = now - began > _LONG
            if now - flushed > _FLUSH_EVERY and calls:
                self._flush()
                flushed = now
        self.running = 0
        self._give_back_all()

    def _wait(self) -> None:
        """Waits for a call that the stand-in receives, for the end of its receiving, or for the order to end."""
        self._is_waiting = True
        # The stand-in looks whether this thread waits after it has ended, so one of the two sees the other.
        if not self.calls and not self.is_stopping and self.stand_in is not None and self.stand_in.is_receiving:
            try:
                self._news.get(timeout=LOOK_EVERY)
            except Empty:
                pass
        self._is_waiting = False

    def wait_in_tool(self, awaited: "Awaited") -> None:
        """Waits while another thread receives."""
        self._is_waiting = True
        # The other thread looks whether this one waits after it has added news, so one of the two sees the other.
        if awaited.must_wait:
            try:
                self._news.get(timeout=LOOK_EVERY)
            except Empty:
                pass
        self._is_waiting = False

    def wake(self) -> None:
        """Lets the main thread look again, if it waits."""
        if self._is_waiting:
            self._news.put(None)

    def _give_back_all(self) -> None:
        """Answers calls that came before or after the order to end, and have not begun, as cancelled."""
        if self.batches is not None:
            self.batches.give_back()
        try:
            while True:
                call = self.calls.popleft()
                if call.id:
                    self._replies.stopped(call)
                else:
                    cast("Closing", call).run()
        except IndexError:
            self._flush()

    def _add_to_batch(self, call: Call) -> bool:
        return self.batches is not None and self.batches.add(call)

    def begins(self, call: Call) -> None:
        """The main thread is busy with the call from now on."""
        self.running = call.id
        if self.stand_in is not None and not self.stand_in.is_awake:
            self.stand_in.wake()

    def wait_for_others(self, seconds: float, calls: "deque[Call]") -> None:
        """Waits while another thread receives, which is the stand-in: it stands in for one of these calls."""
        try:
            self.begins(calls[0])
        except IndexError:  # it was cancelled
            return
        self._is_waiting = True
        if not self.calls and not self.is_stopping:
            try:
                self._news.get(timeout=seconds)
            except Empty:
                pass
        self._is_waiting = False
        self.running = 0

    def end_if_forked(self, error: "BaseException | None") -> None:
        """Exits if this is a child that a tool forked and that returned from it."""
        if self._forked:
            os._exit(_exit.of_child(error))

    def _run(self, call: Call) -> None:
        """Runs a call and queues its answer. What may call user code happens in the call's context: decoding arguments
        and encoding the answer too, because of properties, or of an exception's ``__str__``."""
        tool, replies, stand_in = call.tool, self._replies, self.stand_in
        self.running = call.id
        if stand_in is not None and not stand_in.is_awake:
            stand_in.wake()
        # Before any user code.
        self._page[call.id % WORDS] = call.id
        function: "Callable[..., Any]" = tool.function
        run = self._contexts().run
        run(note, call)
        if tool.is_stream:
            return run(self.streams.run, cast(StreamCall, call), self._is_fork)
        arguments = None
        if tool.is_plain and not call.segments:
            arguments = self._reader.arguments(call.body, tool.shapes)
        if arguments is None:
            given = run(replies.arguments, call)
            if given is None:
                return
            positional, arguments = given
            if call.id in replies.feeds.by_call:
                return run(self.streams.run_with_feeds, call, positional, arguments, self._is_fork)
            if positional:
                function = partial(function, *positional)
        try:
            value = run(function, **arguments)
        except BaseException as error:  # SystemExit too: it ends the call, not the worker
            if self._forked:
                os._exit(_exit.of_child(error))
            run(replies.raised, call, error)
            return
        if self._forked:
            os._exit(_exit.of_child(None))
        if not (tool.is_plain and replies.plain(call, value)):
            run(replies.value, call, value)

    def _is_fork(self) -> bool:
        return self._forked

    def _set_forked(self) -> None:
        """A child that a tool forked and that returns from it exits, since it must not become a second worker."""
        self._forked = True
