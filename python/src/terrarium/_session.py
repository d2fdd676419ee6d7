"""The session of one worker with its host: connects, presents the worker, and handles frames until the order to end."""

import os
import platform
import threading
from typing import Any
from urllib.parse import quote

import grpc
from terrarium_shepherd import signals

from terrarium import _exit, _failure
from terrarium._calls import Call, MainThread, Replies
from terrarium._event_loop import EventLoop
from terrarium._outbox import Outbox
from terrarium._session_errors import Refused, SessionLost
from terrarium._stand_in import StandIn
from terrarium._tools import Tool
from terrarium._version import PROTOCOL_VERSION, __version__
from terrarium.v1 import session_pb2 as wire

_METHOD = "/terrarium.v1.HostService/Session"
_OPTIONS = [
    # Both directions are bounded by Welcome.max_message_bytes.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
]
_MOST_BYTES = 2**31 - 1
"""What a protocol buffer can have at most."""

_FAREWELL = 1.0
"""How long the host may take to end its half of a finished stream, in seconds."""


class _Stopped(BaseException):
    """The order to end came while the main thread waited and no call was open. Not an Exception, so that no handler in
    between catches it."""


class Session:
    """``open`` it, then ``serve`` until the end; both on the main thread."""

    def __init__(self, socket: str, token: str, tools: list[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._outbox = Outbox()
        self._hello = wire.Hello(
            protocol_version=PROTOCOL_VERSION,
            token=token,
            pid=os.getpid(),
            package_version=__version__,
            python_version=platform.python_version(),
        )
        self._channel = grpc.insecure_channel(f"unix:{quote(socket)}", options=_OPTIONS)
        self._finishing = False
        self._has_ended = False
        self._receiving = threading.Lock()
        """Held by the thread that waits for the next message."""
        self._is_waiting = False
        """Whether that is the main thread, and nothing has come yet."""

    def open(self) -> None:
        """Says Hello, hears Welcome, says Ready. Raises Refused or SessionLost."""
        open_stream = self._channel.stream_stream(
            _METHOD,
            request_serializer=wire.SessionRequest.SerializeToString,
            response_deserializer=wire.SessionResponse.FromString,
        )
        self._outbox.put(wire.WorkerFrame(hello=self._hello))
        self._stream = open_stream(self._outbox)
        welcome, early = self._welcome()
        most = min(welcome.max_message_bytes or _MOST_BYTES, _MOST_BYTES)
        self._replies = Replies(self._outbox, most)
        self._main_thread = MainThread(self._replies)
        is_async = any(tool.is_async for tool in self._tools.values())
        self._event_loop = EventLoop(self._replies) if is_async else None
        self._stand_in = StandIn(self._main_thread, self._outbox, self._receiving, self._receive)
        signals.on_order_to_end(self._stop)
        ready = wire.Ready(
            tools=[wire.Tool(name=t.name, is_async=t.is_async, summary=t.summary) for t in self._tools.values()]
        )
        self._outbox.put(wire.WorkerFrame(ready=ready))
        self._early = early

    def serve(self) -> int:
        """Runs calls until the host ends it, by the session or by an order. Returns the exit status, which is 0."""
        self._take(self._early)
        self._stand_in.start()
        try:
            self._main_thread.run(self._receive_if_free)
        except _Stopped:
            self._finishing = True
            self._channel.close()
            return 0
        if self._event_loop is not None:
            self._event_loop.drain()
        self._finishing = True
        self._outbox.finish()
        farewell = threading.Thread(target=self._receive_to_the_end, name="terrarium-farewell", daemon=True)
        farewell.start()
        farewell.join(_FAREWELL)
        self._channel.close()
        return 0

    def _stop(self) -> None:
        """The order to end. It interrupts the main thread wherever that is, so no lock may be taken here."""
        self._main_thread.stop()
        if self._is_waiting and not self._replies.open and self._outbox.is_done:
            # Nothing is at stake, and the next message may be a long time coming.
            raise _Stopped

    def _welcome(self) -> "tuple[wire.Welcome, list[wire.HostFrame]]":
        try:
            for message in self._stream:
                self._note(message)
                if not message.frames:
                    continue
                first, *early = message.frames
                if first.WhichOneof("kind") != "welcome":
                    raise SessionLost(f"the first frame of the host is {first.WhichOneof('kind')}, not Welcome")
                if first.welcome.protocol_version != PROTOCOL_VERSION:
                    raise _mismatch(f"the host speaks version {first.welcome.protocol_version} of terrarium.v1")
                return first.welcome, early
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code == grpc.StatusCode.FAILED_PRECONDITION:
                raise _mismatch(details) from None
            if code == grpc.StatusCode.UNAUTHENTICATED:
                message = f"the host refused the token of this worker: {details}"
                hint = "Start workers through their host: a token is valid for one start."
                raise Refused("token_refused", message, hint) from None
            raise SessionLost(f"the host cannot be reached: {code.name}: {details}") from None
        except ValueError as error:
            raise SessionLost(f"the host breaks the protocol: {error}") from None
        raise SessionLost("the host closed the session before it was open")

    def _receive_if_free(self) -> bool:
        """For the main thread: one message, unless another thread is waiting for it already."""
        if not self._receiving.acquire(blocking=False):
            return False
        try:
            if self._outbox.owes_alone:
                self._outbox.acknowledge_soon()
            self._is_waiting = True
            self._receive()
        finally:
            self._is_waiting = False
            self._receiving.release()
        return True

    def _receive(self) -> int:
        """Waits for one message and takes it apart; answers how many calls it had for the main thread. Without a host
        there is nothing to live for, whatever the main thread is doing."""
        try:
            message = next(self._stream)
            self._is_waiting = False
            self._note(message)
            submitted = self._take(message.frames)
            # The main thread is about to answer its calls. If that takes long, its stand-in acknowledges them.
            if message.seq and (submitted == 0 or self._main_thread.running):
                self._outbox.acknowledge_soon()
            return submitted
        except _Stopped:
            raise
        except StopIteration:
            why = "the host closed it"
        except grpc.RpcError as error:
            why = f"{error.code().name}: {error.details()}"
        except BaseException as error:
            why = f"{type(error).__name__}: {error}"
        if not self._finishing:
            try:
                _exit.say(f"the session with the host is lost: {why}")
            finally:
                os._exit(_exit.SESSION_LOST)
        self._has_ended = True
        return 1

    def _note(self, message: wire.SessionResponse) -> None:
        """Raises ValueError when its numbers are not those of this protocol."""
        self._outbox.received(message.seq, message.ack)
        if bool(message.seq) != bool(message.frames):
            raise ValueError("it sent frames without a number" if message.frames else "it sent a number without frames")

    def _receive_to_the_end(self) -> None:
        with self._receiving:
            while not self._has_ended:
                self._receive()

    def _take(self, frames: Any) -> int:
        concurrent: list[Call] = []
        submitted = 0
        for frame in frames:
            kind = frame.WhichOneof("kind")
            if kind == "call":
                call = self._call(frame.call)
                if call is None:
                    continue
                if call.tool.is_async:
                    concurrent.append(call)
                else:
                    self._main_thread.submit(call)
                    submitted += 1
            elif kind == "cancel":
                self._cancel(frame.cancel)
            elif kind == "ping":
                pong = wire.Pong(nonce=frame.ping.nonce, running=self._main_thread.running)
                self._outbox.put(wire.WorkerFrame(pong=pong))
            elif kind == "welcome":
                raise ValueError("it sent a second Welcome")
            else:
                raise ValueError("it sent a frame of a kind that this version does not know")
        if concurrent and self._event_loop is not None:
            self._event_loop.submit(concurrent)
        return submitted

    def _call(self, frame: wire.Call) -> "Call | None":
        self._replies.check(frame.id)
        tool = self._tools.get(frame.tool)
        if tool is None:
            self._outbox.put(_failure.not_found(frame.id, frame.tool))
            return None
        call = Call(frame.id, tool, frame.arguments, frame.timeout_ms)
        self._replies.received(call)
        return call

    def _cancel(self, frame: wire.Cancel) -> None:
        call = self._replies.open.get(frame.id)
        if call is None:
            return
        self._replies.give_back(call)
        if frame.unless_begun:
            return
        call.cancelled = True
        if self._event_loop is not None and call.tool.is_async:
            self._event_loop.cancel(call)


def _mismatch(what: str) -> Refused:
    return Refused(
        "protocol_mismatch",
        f"{what}; this is package terrarium {__version__}, which speaks {PROTOCOL_VERSION}",
        f"Use the Node packages and the Python package of the same release ({os.path.dirname(__file__)}).",
    )
