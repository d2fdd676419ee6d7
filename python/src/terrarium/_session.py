"""The session of one worker with its host: presents the worker, and handles frames until the order to end. A carrier
below it turns frames into bytes: see ``_frames``."""

import os
import sys
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast

from terrarium_shepherd import signals

from terrarium import _contexts, _exit, _failure
from terrarium._calls import MainThread
from terrarium._describe import documentation, kind_of, signature_text
from terrarium._feeds import Feeds
from terrarium._frames import Call, Cancel, Carrier, Credit, Feed, FeedEnd, Hello, HostFailure, HostFrame, HostItem
from terrarium._frames import HostResult, Ping, Pong, Ready, SessionClose, SessionOpen, StreamCall, ToolInfo, Welcome
from terrarium._host import serve
from terrarium._host_calls import Awaited, HostCalls
from terrarium._progress import Reporters
from terrarium._replies import Replies
from terrarium._sessions import Sessions
from terrarium._spin import Spin
from terrarium._stand_in import StandIn
from terrarium._streams import Items, MainThreadStreams
from terrarium._tools import Tool
from terrarium._version import __version__

if TYPE_CHECKING:
    from terrarium._event_loop import EventLoop
    from terrarium._lane import Lane
    from terrarium._main_loop import MainLoop

_FAREWELL = 1.0
"""How long the host may take to end its half of a finished session, from when it has last taken a message on, in
seconds."""

_LAST_MOMENT = 1.0
"""How long a process whose host has gone waits for the end of its lifeline, in seconds. The kernel closes what a killed
host had open one after another, the lifeline perhaps last. Its end kills the whole group, but only as long as a process
with a lifeline is in it: a worker that exited at once would leave the programs of its tools behind if the shepherd was
killed in the same moment."""


class _Stopped(BaseException):
    """The order to end came while the main thread waited and no call was open. Not an Exception, so that no handler in
    between catches it."""


def _info_of(tool: Tool) -> ToolInfo:
    signature, doc = signature_text(tool.function), documentation(tool.function)
    return ToolInfo(tool.name, tool.is_async, tool.is_stream, tool.summary, signature, doc, kind_of(tool), tool.batch)


class Session:
    """``open`` it, then ``serve`` until the end; both on the main thread."""

    Stopped = _Stopped

    def __init__(self, carrier: Carrier, token: str, tools: "list[Tool]", page: Any, reports_begun: bool) -> None:
        """``page``: see ``_begun``; ``reports_begun``: whether the host has given it."""
        self._carrier = carrier
        self.tools = tools
        named: "dict[int | str, Tool]" = {**dict(enumerate(tools)), **{tool.name: tool for tool in tools}}
        self._tools = {name: tool for name, tool in named.items() if not tool.is_stream}
        self._generators = {name: tool for name, tool in named.items() if tool.is_stream}
        self._ready = Ready([_info_of(tool) for tool in tools])
        version = sys.version.split(maxsplit=1)[0]
        self._hello = Hello(token, os.getpid(), __version__, version, reports_begun)
        self._page = page
        self._finishing = False
        self._has_ended = False
        self.receiving = threading.Lock()
        """Held by the thread that receives."""
        self.is_waiting = False
        """True while the main thread receives and no frame has come yet."""
        self.spin = Spin()

    def open(self) -> None:
        """Says Hello, hears Welcome, says Ready. Raises Refused or SessionLost."""
        welcome, self._early = self._carrier.open(self._hello)
        self.replies = Replies(self._carrier, welcome.max_bytes, self.flush)
        self._reporters = Reporters(self._carrier.send, self.flush)
        contexts = _contexts.maker()
        items = Items(self.replies, self._carrier, welcome.max_bytes, self.flush)
        streams = MainThreadStreams(items, self.flush, self._await_on_main_thread)
        self.feeds = self.replies.feeds = Feeds(self._carrier, self.flush, streams.await_feed)
        self.main_thread = MainThread(self.replies, self._page, contexts, self.flush, streams)
        of_main = self.main_thread, self._await_on_main_thread
        self.host_calls = HostCalls(self._carrier, welcome.max_bytes, self.flush, self.replies.open, *of_main)
        serve(self.host_calls)
        self.sessions = Sessions(self.main_thread)
        self._event_loop: "EventLoop | None" = None
        self._main_loop: "MainLoop | None" = None
        if any(tool.is_async for tool in self.tools):
            # asyncio takes long to import.
            if self._carrier.waits_are_short and all(tool.is_async for tool in self.tools):
                from terrarium._main_loop import MainLoop

                self._event_loop = self._main_loop = MainLoop(self.replies, self._page, contexts, self.flush, items)
            else:
                from terrarium._event_loop import EventLoop

                self._event_loop = EventLoop(self.replies, self._page, contexts, self.flush, items)
                self._event_loop.start()
            self.feeds.loop = self._event_loop.loop
        self.sessions.event_loop = self._event_loop
        self.stand_in = StandIn(self.main_thread, self._carrier, self.receiving, self.receive, self.flush)
        if any(tool.batch for tool in self.tools):
            self._batch(contexts)
        signals.on_order_to_end(self._stop)
        self._carrier.send(self._ready)
        self.flush()

    def _batch(self, contexts: "Callable[[], Any]") -> None:
        from terrarium._batches import AsyncBatches, SyncBatches

        replies, main_thread, page = self.replies, self.main_thread, self._page
        main_thread.batches = SyncBatches(main_thread, replies, page, contexts, self._carrier, self.flush)
        if self._event_loop is not None:
            self._event_loop.batches = AsyncBatches(self._event_loop, replies, page, contexts)

    def serve(self) -> int:
        """Runs calls until the host ends it, by the session or by an order. Returns the exit status, which is 0."""
        try:
            self.handle(self._early)
        except ValueError as error:  # what came with Welcome breaks the protocol
            self.lost(error)
        if self._main_loop is not None:
            self._main_loop.run(self, cast("Lane", self._carrier))
            self._finish()
            return 0
        self.stand_in.start()
        try:
            receive, batches = self._receiver(), self.main_thread.batches
            self.main_thread.run(receive if batches is None else batches.receiver(receive))
        except _Stopped:
            self.sessions.end_all()
            self._finishing = True
            self._carrier.close()
            return 0
        self._finish()
        return 0

    def _finish(self) -> None:
        """Lets the begun calls of async tools end, and the host hear of all that is said."""
        receiver = threading.Thread(target=self._receive_to_the_end, name="terrarium-farewell", daemon=True)
        receiver.start()
        if self._event_loop is not None:
            self._event_loop.drain()
        self.sessions.end_all()
        self._finishing = True
        if self._carrier.waits_are_short:
            with self.receiving:
                # Calls that have come and were not yet received are answered too.
                while self._carrier.has_come(wait=False) and not self._has_ended:
                    self.receive(wait=False)
                self._say_the_end()
        else:
            self._say_the_end()
        taken = None
        while receiver.is_alive() and taken != self._carrier.taken:
            taken = self._carrier.taken
            receiver.join(_FAREWELL)
        self._carrier.close()

    def _say_the_end(self) -> None:
        try:
            self.flush(True)
            self._carrier.finish()
        except OSError:
            self._has_ended = True  # the host has closed its end

    def _stop(self) -> None:
        """The order to end. It interrupts the main thread wherever that is, so no lock may be taken here."""
        self._carrier.hurry()
        self.main_thread.stop()
        if self._main_loop is not None:
            self._main_loop.stop()
        if self.is_waiting and not self.replies.open and self._carrier.is_done:
            # Nothing is at stake, and the next frame may be a long time coming.
            raise _Stopped

    def _receiver(self) -> "Callable[[], bool]":
        if not self._carrier.waits_are_short:
            return self._receive_if_free
        from terrarium import _receiving

        return _receiving.receiver(self, cast("Lane", self._carrier), self.main_thread.calls, wait=True)

    def _receive_if_free(self) -> bool:
        """For the main thread: receives, unless another thread waits for the next frames already."""
        if not self.receiving.acquire(blocking=False):
            return False
        try:
            self.is_waiting = True
            self.receive()
        finally:
            self.is_waiting = False
            self.receiving.release()
        return True

    def receive(self, wait: bool = True) -> int:
        """Receives frames and handles them; answers how many calls for the main thread there were. Without a host there
        is nothing to live for, whatever the main thread is doing."""
        try:
            frames = self._carrier.receive(wait)
            self.is_waiting = False
            submitted = self.handle(frames)
            # The main thread is about to answer its calls.
            self._carrier.received(submitted > 0 and not self.main_thread.running)
            return submitted
        except _Stopped:
            raise
        except BaseException as error:
            self.lost(error)
            return 1

    def flush(self, wait: bool = False) -> None:
        try:
            self._carrier.flush(wait)
        except OSError as error:
            self.lost(error)

    def lost(self, error: BaseException) -> None:
        """The session is lost, and so is this process, unless it ends anyway."""
        if self._finishing:
            self._has_ended = True
            return
        is_gone = isinstance(error, (EOFError, ConnectionError))
        why = str(error) if is_gone else f"{type(error).__name__}: {error}"
        try:
            _exit.say(f"the session with the host is lost: {why}")
            if is_gone:
                sleep(_LAST_MOMENT)
        finally:
            os._exit(_exit.SESSION_LOST)

    def _receive_to_the_end(self) -> None:
        if not self._carrier.waits_are_short:
            with self.receiving:
                while not self._has_ended:
                    self.receive()
        while not self._has_ended:
            if self._carrier.has_come(wait=True):
                with self.receiving:
                    self.receive(wait=False)

    def handle(self, frames: "list[HostFrame]") -> int:
        """Answers how many calls for the main thread there were. Raises ValueError if the host breaks the protocol."""
        loop, begins = self._event_loop, False
        submitted = 0
        tools, opened, calls = self._tools, self.replies.open, self.main_thread.calls
        for frame in frames:
            if type(frame) is Call:
                id, tool = frame.id, tools.get(frame.tool)
                if tool is None or id == 0 or id in opened:
                    self._refuse(frame)
                    continue
                frame.tool = tool
                if frame.timeout_ms:
                    frame.deadline = monotonic() + frame.timeout_ms / 1000
                if frame.extras is not None:
                    self._prepare(frame)
                opened[id] = frame
                if tool.is_async and loop is not None:
                    loop.calls.append(frame)
                    begins = True
                else:
                    calls.append(frame)
                    submitted += 1
            elif isinstance(frame, StreamCall):
                tool = self._generators.get(frame.tool)
                if tool is None or frame.id == 0 or frame.id in opened:
                    self._refuse(frame)
                    continue
                self._accept(frame, tool)
                if tool.is_async and loop is not None:
                    loop.calls.append(frame)
                    begins = True
                else:
                    calls.append(frame)
                    submitted += 1
            elif isinstance(frame, (HostResult, HostFailure, HostItem)):
                self.host_calls.take(frame)
            elif isinstance(frame, Credit):
                self._add_credit(frame)
            elif isinstance(frame, (Feed, FeedEnd)):
                self._feed(frame)
            elif isinstance(frame, Cancel):
                self._cancel(frame)
            elif isinstance(frame, Ping):
                self._carrier.send(Pong(frame.nonce, self.main_thread.running))
                self.flush()
            elif isinstance(frame, SessionOpen):
                self.sessions.begin(*frame)
            elif isinstance(frame, SessionClose):
                submitted += self.sessions.end(frame.number)
            elif isinstance(frame, Welcome):
                raise ValueError("it sent a second Welcome")
            else:
                raise ValueError("it sent a frame of a kind that this version does not know")
        if submitted:
            self.main_thread.submitted()
        if begins and loop is not None:
            loop.begin()
        return submitted

    def _accept(self, call: StreamCall, tool: Tool) -> None:
        call.tool = tool
        if call.timeout_ms:
            call.deadline = monotonic() + call.timeout_ms / 1000
        if call.extras is not None:
            self._prepare(call)
        self.replies.open[call.id] = call

    def _prepare(self, call: Call) -> None:
        """For a call that has more than its arguments. Raises ValueError if its session is not open."""
        extras = call.extras
        if extras is not None:
            extras.session = self.sessions.of(extras.session) if extras.session else None
            if extras.progress:
                extras.reporter = self._reporters.of(call.id)

    def _add_credit(self, frame: Credit) -> None:
        """Credit for a call that has ended crossed its answer. Raises ValueError for credit of a call without items,
        and for credit of 0 bytes."""
        if frame.bytes == 0:
            raise ValueError("it sent credit of 0 bytes")
        call = self.replies.open.get(frame.id)
        if call is None:
            return
        if not isinstance(call, StreamCall):
            raise ValueError(f"it sent credit for call {frame.id}, which is no stream")
        call.granted += frame.bytes
        if call.tool.is_async and self._event_loop is not None:
            self._event_loop.wake(call)
        else:
            self.main_thread.wake()

    def _feed(self, frame: "Feed | FeedEnd") -> None:
        """What comes for a call that has ended crossed its answer. Raises ValueError for a feed that is not open."""
        call = self.replies.open.get(frame.id)
        if call is None:
            return
        self.feeds.receive(frame)
        if not call.tool.is_async:
            self.main_thread.wake()

    def _await_on_main_thread(self, awaited: Awaited) -> None:
        """For the main thread: receives until there may be what it waits for, or waits while another thread
        receives."""
        if not self.receiving.acquire(self._carrier.waits_are_short):
            self.main_thread.wait_in_tool(awaited)
            return
        try:
            if awaited.must_wait:
                self.receive()
        finally:
            self.receiving.release()

    def _refuse(self, call: Call) -> None:
        """Answers a call of a tool that does not exist, or is of the other kind. Raises ValueError for an id that no
        new call may have: 0, or an id in use; and for an index that no tool has."""
        if call.id == 0 or call.id in self.replies.open:
            raise ValueError(f"it sent a call with id {call.id}, which is {'in use' if call.id else 'no id'}")
        other = (self._tools if isinstance(call, StreamCall) else self._generators).get(call.tool)
        if other is not None:
            refusal = _failure.no_stream if isinstance(call, StreamCall) else _failure.no_result
            self._carrier.send(refusal(call.id, other.name))
            return
        if isinstance(call.tool, int):
            raise ValueError(f"it sent a call of tool {call.tool}, and there are {len(self.tools)}")
        self._carrier.send(_failure.not_found(call.id, call.tool))

    def _cancel(self, frame: Cancel) -> None:
        call = self.replies.open.get(frame.id)
        if call is None:
            return
        loop = self._event_loop if call.tool.is_async else None
        try:
            (loop or self.main_thread).calls.remove(call)
        except ValueError:  # it has begun, or waits for its batch
            if call.tool.batch and self._cancel_in_batch(call, frame.unless_begun):
                return
            if frame.unless_begun:
                return
            call.cancelled = True
            if loop is not None:
                loop.cancel(call if call.batch is None else call.batch[0])
            else:
                self.feeds.cancelled(call)
                self.main_thread.wake()
        else:
            self.replies.cancelled(call)
            self.flush()

    def _cancel_in_batch(self, call: Call, unless_begun: bool) -> bool:
        """Whether the call was answered."""
        from terrarium._batches import cancel

        is_answered = cancel(call, self.replies, unless_begun)
        if is_answered:
            self.flush()
        return is_answered
