"""Carries the frames of a session over gRPC: one stream, whose messages carry all the frames that wait. For hosts that
ask for it; the socket lane is faster. This file alone imports grpc."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import grpc

from terrarium._frames import (
    Call,
    Cancel,
    Credit,
    Extras,
    Failure,
    Feed,
    FeedEnd,
    Hello,
    HostCancel,
    HostCredit,
    HostFailure,
    HostFrame,
    HostItem,
    HostResult,
    Ping,
    Pong,
    Progress,
    Ready,
    SessionClose,
    SessionOpen,
    StreamCall,
    Want,
    Welcome,
    WorkerFrame,
)
from terrarium._outbox import FRAME_OVERHEAD, Outbox
from terrarium._session_errors import SessionLost, mismatch, token_refused
from terrarium._version import PROTOCOL_VERSION
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


class Grpc:
    """A carrier, see ``_frames``."""

    waits_are_short = False
    sends_apart = False

    def __init__(self, path: str) -> None:
        self._outbox = Outbox()
        self._channel = grpc.insecure_channel(f"unix:{quote(path)}", options=_OPTIONS)

    def open(self, hello: Hello) -> "tuple[Welcome, list[HostFrame]]":
        open_stream = self._channel.stream_stream(
            _METHOD,
            request_serializer=wire.SessionRequest.SerializeToString,
            response_deserializer=wire.SessionResponse.FromString,
        )
        self.send(hello)
        self._stream = open_stream(self._outbox)
        try:
            for message in self._stream:
                self._note(message)
                if not message.frames:
                    continue
                first, *early = message.frames
                if first.WhichOneof("kind") != "welcome":
                    raise SessionLost(f"the first frame of the host is {first.WhichOneof('kind')}, not Welcome")
                if first.welcome.protocol_version != PROTOCOL_VERSION:
                    raise mismatch(f"the host speaks version {first.welcome.protocol_version} of terrarium.v1")
                most = min(first.welcome.max_message_bytes or _MOST_BYTES, _MOST_BYTES)
                return Welcome(most - FRAME_OVERHEAD), list(map(_frame, early))
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code == grpc.StatusCode.FAILED_PRECONDITION:
                raise mismatch(details) from None
            if code == grpc.StatusCode.UNAUTHENTICATED:
                raise token_refused(details) from None
            raise SessionLost(f"the host cannot be reached: {code.name}: {details}") from None
        except ValueError as error:
            raise SessionLost(f"the host breaks the protocol: {error}") from None
        raise SessionLost("the host closed the session before it was open")

    def send(self, frame: WorkerFrame) -> None:
        message = _message(frame)
        self._outbox.put(message, message.ByteSize())

    def send_result(self, id: int, body: bytes, segments: "Sequence[Any]") -> None:
        self._outbox.put_result(id, body)

    def send_item(self, id: int, body: bytes, segments: "Sequence[Any]") -> bool:
        self._outbox.put(wire.WorkerFrame(item=wire.Item(id=id, value=body)), len(body) + FRAME_OVERHEAD)
        return False

    def send_host_call(self, id: int, call: int, is_stream: bool, body: bytes, segments: "Sequence[Any]") -> None:
        message = wire.HostCall(id=id, call=call, body=body, stream=is_stream)
        self._outbox.put(wire.WorkerFrame(host_call=message), len(body) + FRAME_OVERHEAD)

    def flush(self, wait: bool = False) -> None:
        pass  # the thread of gRPC sends what is in the outbox

    def receive(self, wait: bool = True) -> "list[HostFrame]":
        if self._outbox.owes_alone:
            self._outbox.acknowledge_soon()
        try:
            message = next(self._stream)
        except StopIteration:
            raise EOFError("the host closed it") from None
        except grpc.RpcError as error:
            raise ConnectionError(f"{error.code().name}: {error.details()}") from None
        self._note(message)
        return list(map(_frame, message.frames))

    def _note(self, message: Any) -> None:
        """Raises ValueError for numbers that this protocol does not allow."""
        self._outbox.received(message.seq, message.ack)
        if bool(message.seq) != bool(message.frames):
            raise ValueError("it sent frames without a number" if message.frames else "it sent a number without frames")

    def has_come(self, wait: bool) -> bool:
        return True  # only the wait for the next message would tell

    def received(self, answers_follow: bool) -> None:
        # If the answers take long, the stand-in acknowledges what they answer.
        if not answers_follow and self._outbox.owes:
            self._outbox.acknowledge_soon()

    @property
    def is_done(self) -> bool:
        return self._outbox.is_done

    @property
    def taken(self) -> int:
        return self._outbox.acknowledged

    def hurry(self) -> None:
        pass

    def finish(self) -> None:
        self._outbox.finish()

    def fileno(self) -> int:
        raise NotImplementedError

    def close(self) -> None:
        self._channel.close()


def _message(frame: WorkerFrame) -> Any:
    if isinstance(frame, Failure):
        return wire.WorkerFrame(failure=wire.Failure(**frame._asdict()))
    if isinstance(frame, Pong):
        return wire.WorkerFrame(pong=wire.Pong(nonce=frame.nonce, running=frame.running))
    if isinstance(frame, Progress):
        return wire.WorkerFrame(progress=wire.Progress(**frame._asdict()))
    if isinstance(frame, Want):
        return wire.WorkerFrame(want=wire.Want(**frame._asdict()))
    if isinstance(frame, Ready):
        return wire.WorkerFrame(ready=wire.Ready(tools=[wire.Tool(**tool._asdict()) for tool in frame.tools]))
    if isinstance(frame, Hello):
        return wire.WorkerFrame(hello=wire.Hello(protocol_version=PROTOCOL_VERSION, **frame._asdict()))
    if isinstance(frame, HostCancel):
        return wire.WorkerFrame(host_cancel=wire.HostCancel(id=frame.id))
    if isinstance(frame, HostCredit):
        return wire.WorkerFrame(host_credit=wire.HostCredit(id=frame.id, bytes=frame.bytes))
    raise TypeError(f"no message for {type(frame).__name__}")


def _frame(message: Any) -> HostFrame:
    kind = message.WhichOneof("kind")
    if kind == "call":
        sent = message.call
        call = (StreamCall if sent.stream else Call)(sent.id, sent.tool, sent.arguments, (), sent.timeout_ms)
        if sent.progress or sent.session:
            call.extras = Extras(sent.progress, sent.session)
        return call
    if kind == "cancel":
        return Cancel(message.cancel.id, message.cancel.unless_begun)
    if kind == "ping":
        return Ping(message.ping.nonce)
    if kind == "credit":
        return Credit(message.credit.id, message.credit.bytes)
    if kind == "host_result":
        return HostResult(message.host_result.id, message.host_result.value, ())
    if kind == "host_failure":
        fields = message.host_failure
        texts = fields.type, fields.message, fields.traceback, fields.hint, fields.place
        return HostFailure(fields.id, fields.code, *texts, fields.attributes)
    if kind == "host_item":
        return HostItem(message.host_item.id, message.host_item.value, ())
    if kind == "feed":
        return Feed(message.feed.id, message.feed.feed, message.feed.value, ())
    if kind == "feed_end":
        end = message.feed_end
        return FeedEnd(end.id, end.feed, (end.type, end.message) if end.failed else None)
    if kind == "session_open":
        return SessionOpen(message.session_open.number, message.session_open.id)
    if kind == "session_close":
        return SessionClose(message.session_close.number)
    if kind == "welcome":
        return Welcome(message.welcome.max_message_bytes)
    raise ValueError("it sent a frame of a kind that this version does not know")
