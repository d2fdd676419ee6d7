"""The socket lane: carries the frames of a session over the Unix socket of the host. It needs neither gRPC nor protocol
buffers. ``_lane_wire`` and ``_lane_parser`` have the form of frames; this file has the socket."""

import os
import struct

# The C class: gevent and eventlet replace the class of the module socket, and setdefaulttimeout() changes that.
import _socket
from collections import deque
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from terrarium._frames import Failure, Hello, HostCancel, HostCredit, HostFrame, Pong, Progress, Ready, Refusal
from terrarium._frames import Want, Welcome, WorkerFrame
from terrarium._lane_parser import Parser
from terrarium._lane_wire import (
    FAILURE,
    HEADER,
    HOST_CALL,
    ITEM,
    MAGIC,
    PREAMBLE,
    READY,
    REFUSED_CODE,
    RESULT,
    STREAM,
    failure_body,
    pack,
    pack_hello,
    pack_host_frame,
    pack_pong,
    pack_progress,
    pack_want,
    pieces,
    ready_body,
)
from terrarium._session_errors import Refused, SessionLost, mismatch, token_refused

LOOK_EVERY = 0.25
"""How long the system waits in one call for the socket, in seconds. Python runs signal handlers between two
instructions of the main thread. A signal that arrives just before the thread blocks does not wake it."""
_LOOKS_OF_FAREWELL = 4
"""How many times in a row a worker that ends may find that its host does not read."""

_SEND_BUFFER = 1024 * 1024
"""How much may wait in the system for the host, in bytes: each time that it is full costs two switches of processes."""
COPIED = 16 * 1024
"""Up to this many bytes a body is copied behind its header, and sent together with others. A longer one is sent from
where it lies."""
_MOST_WAITING = 64
"""A thread that finds another one sending goes on, unless so many frames wait."""

_NO_SIGNAL = getattr(_socket, "MSG_NOSIGNAL", 0)  # user code may have set SIGPIPE back to its default: to end the process
_HEADER = HEADER.pack
NOW = _socket.MSG_DONTWAIT
_WHOLE = _socket.MSG_WAITALL


class Lane:
    """A carrier, see ``_frames``."""

    waits_are_short = True
    sends_apart = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.settimeout(None)
        for option in (_socket.SO_RCVTIMEO, _socket.SO_SNDTIMEO):
            self._socket.setsockopt(_socket.SOL_SOCKET, option, struct.pack("ll", 0, int(LOOK_EVERY * 1e6)))
        # The system gives what it allows, by default twice what a socket has.
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _SEND_BUFFER)
        self.parser = Parser()
        self.small: "list[bytes]" = []
        """Frames to be sent. Any thread appends; only the thread that holds ``sending`` removes, from the front."""
        self.long: "deque[Iterator[list[Any]]]" = deque()
        """Long bodies to be sent, as their frames."""
        self.sending = Lock()
        self.recv_into = self._socket.recv_into
        self._is_hurried = False
        os.register_at_fork(after_in_child=self._close_in_child)

    def fileno(self) -> int:
        return self._socket.fileno()

    def open(self, hello: Hello) -> "tuple[Welcome, list[HostFrame]]":
        try:
            self._socket.connect(self._path)
            self.small.append(PREAMBLE + pack_hello(hello))
            try:
                self.flush()
            except OSError:
                pass  # the host may have closed the connection after it said why
            self._hear_preamble()
            frames: "list[HostFrame]" = []
            while not frames:
                frames = self.receive()
        except OSError as error:
            raise SessionLost(f"the host cannot be reached: {error}") from None
        except EOFError:
            raise SessionLost("the host closed the session before it was open") from None
        except ValueError as error:
            raise SessionLost(f"the host breaks the protocol: {error}") from None
        first, early = frames[0], frames[1:]
        if isinstance(first, Refusal):
            if first.code == REFUSED_CODE["protocol_mismatch"]:
                raise mismatch(first.message)
            raise token_refused(first.message)
        if not isinstance(first, Welcome):
            raise SessionLost(f"the first frame of the host is {type(first).__name__}, not Welcome")
        self.parser.max_bytes = first.max_bytes
        return first, early

    def _hear_preamble(self) -> None:
        """Raises Refused if the host is of another version: its preamble says so, or it answers HTTP/2."""
        heard = b""
        while len(heard) < len(PREAMBLE):
            try:
                more = self._socket.recv(len(PREAMBLE) - len(heard))
            except BlockingIOError:
                continue
            if not more:
                raise EOFError
            heard += more
            if not MAGIC.startswith(heard[: len(MAGIC)]):
                raise mismatch("the host speaks version 1 of the protocol")
        if heard != PREAMBLE:
            raise mismatch(f"the host speaks version {int.from_bytes(heard[4:6], 'little')} of the protocol")

    def send(self, frame: WorkerFrame) -> None:
        if isinstance(frame, Failure):
            self._put(FAILURE, frame.code, frame.id, failure_body(frame))
        elif isinstance(frame, Pong):
            self.small.append(pack_pong(frame))
        elif isinstance(frame, Progress):
            self.small.append(pack_progress(frame))
        elif isinstance(frame, Want):
            self.small.append(pack_want(frame))
        elif isinstance(frame, Ready):
            self._put(READY, 0, 0, ready_body(frame))
        elif isinstance(frame, (HostCancel, HostCredit)):
            self.small.append(pack_host_frame(frame))

    def send_result(self, id: int, body: bytes, segments: "Sequence[Any]") -> None:
        length = len(body)
        if length <= COPIED and not segments:
            self.small.append(_HEADER(length, RESULT, 0, 0, id, 0) + body)
        else:
            self.long.append(pieces(RESULT, 0, id, body, segments))

    def send_item(self, id: int, body: bytes, segments: "Sequence[Any]") -> bool:
        length = len(body)
        if length <= COPIED and not segments:
            self.small.append(_HEADER(length, ITEM, 0, 0, id, 0) + body)
            return False
        self.long.append(pieces(ITEM, 0, id, body, segments))
        return True  # short frames are sent between the pieces of long ones

    def send_host_call(self, id: int, call: int, is_stream: bool, body: bytes, segments: "Sequence[Any]") -> None:
        length, flags = len(body), STREAM if is_stream else 0
        if length <= COPIED and not segments:
            self.small.append(_HEADER(length, HOST_CALL, flags, 0, id, call) + body)
        else:
            self.long.append(pieces(HOST_CALL, 0, id, body, segments, call, flags))

    def _put(self, kind: int, code: int, id: int, body: bytes) -> None:
        if len(body) <= COPIED:
            self.small.append(pack(kind, code, id, 0, body))
        else:
            self.long.append(pieces(kind, code, id, body))

    def flush(self, wait: bool = False) -> None:
        small, sending = self.small, self.sending
        # A thread that finds the lock taken may go: the holder looks again when it has released it.
        while small or self.long:
            if not sending.acquire(wait or len(small) > _MOST_WAITING):
                return
            try:
                self._send_small()
                if self.long:
                    self._send_long()
            finally:
                sending.release()

    def _send_small(self) -> None:
        small = self.small
        if not small:
            return
        if len(small) == 1:
            data = small.pop(0)
        else:
            frames = small[:]
            del small[: len(frames)]
            data = b"".join(frames)
        try:
            sent = self._socket.send(data, _NO_SIGNAL)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send([memoryview(data)[sent:]])

    def _send_long(self) -> None:
        """Sends long bodies piece by piece, with the small frames that come up between the pieces."""
        while self.long:
            for buffers in self.long.popleft():
                self._send(buffers)
                self._send_small()

    def _send(self, buffers: "list[Any]") -> None:
        """Gives these buffers to the system, from where they lie."""
        looks = 0
        while buffers:
            try:
                sent = self._socket.sendmsg(buffers, (), _NO_SIGNAL)
            except BlockingIOError:
                looks += 1
                if self._is_hurried and looks >= _LOOKS_OF_FAREWELL:
                    raise TimeoutError("it does not read") from None
                continue
            looks = 0
            buffers = _rest_of(buffers, sent)

    def receive(self, wait: bool = True) -> "list[Any]":
        try:
            count = self._socket.recv_into(self.parser.place(), 0, NOW if not wait else _WHOLE if self.parser.missing else 0)
        except BlockingIOError:
            return []
        if count == 0:
            raise EOFError("the host closed it")
        return self.parser.arrived(count)

    def received(self, answers_follow: bool) -> None:
        pass

    def has_come(self, wait: bool) -> bool:
        """Whether there is something to receive, the end of the session too. ``wait``: for at most 0.25 s."""
        try:
            self._socket.recv(1, _socket.MSG_PEEK | (0 if wait else NOW))
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    @property
    def is_done(self) -> bool:
        return not self.small and not self.long and not self.sending.locked()

    @property
    def taken(self) -> int:
        return 0  # `finish` returns when the system has everything

    def hurry(self) -> None:
        self._is_hurried = True

    def finish(self) -> None:
        self._socket.shutdown(_socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def _close_in_child(self) -> None:
        """A process that the worker forks must not hold the socket: the host waits for its end."""
        try:
            os.close(self._socket.detach())
        except OSError:
            pass


def _rest_of(buffers: "list[Any]", sent: int) -> "list[Any]":
    """The buffers without the first bytes."""
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]]
        sent -= len(buffer)
    return []
