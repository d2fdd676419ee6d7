"""The socket lane of the tests' host, from docs/protocol.md: the standard library's sockets, struct and msgpack. It
shares no code with the worker's half, and checks each frame, so that a worker that breaks the protocol fails its test.
"""

import socket
import struct
import threading
from contextlib import contextmanager

import msgpack
from connection import Connection, HostCall, Item, Result
from terrarium._frames import Failure, FailureCode, Hello, HostCancel, HostCredit, Pong, Progress, Ready, ToolInfo, Want

MAGIC = b"TRM\x1a"
VERSION = 4
PREAMBLE = MAGIC + struct.pack("<HH", VERSION, 0)
HEADER = struct.Struct("<IBBHII")
HELLO, READY, RESULT, FAILURE, PONG, PART, ITEM, PROGRESS, HOST_CALL, HOST_CANCEL, HOST_CREDIT, WANT = range(1, 13)
WELCOME, REFUSED, CALL, CANCEL, PING, PART_OF_HOST, CREDIT = range(16, 23)
HOST_RESULT, HOST_FAILURE, HOST_ITEM, FEED, FEED_END, SESSION_OPEN, SESSION_CLOSE = range(23, 30)
APART, SPLIT, SPIN, STREAM, SESSION, WANTS_PROGRESS = 1, 2, 4, 8, 32, 64
PIECE = (1024 + 64) * 1024


def frame(kind, code=0, id=0, extra=0, body=b"", flags=0):
    return HEADER.pack(len(body), kind, flags, code, id, extra) + body


def split(kind, code, id, extra, body, flags=0, piece=PIECE):
    """The frames of a body that is split into pieces of so many bytes."""
    frames = [frame(kind, code, id, extra, struct.pack("<I", len(body)) + body[:piece], flags | SPLIT)]
    return frames + [frame(PART_OF_HOST, 0, id, 0, body[at : at + piece]) for at in range(piece, len(body), piece)]


def apart(body, *segments):
    """A body with segments."""
    return struct.pack(f"<{len(segments) + 1}I", len(segments), *map(len, segments)) + body + b"".join(segments)


class LaneConnection(Connection):
    """One worker's socket, seen from the host."""

    def __init__(self, connection):
        super().__init__()
        self.version = VERSION
        self.socket = connection
        self.order = []  # the kinds of all frames received
        self.reading = threading.Event()  # while it is not set, the host does not read
        self.reading.set()
        self._sending = threading.RLock()
        self._waiting = None  # what is said within ``together``
        self._split = None
        self._tools = {}

    @contextmanager
    def together(self):
        with self._sending:
            self._waiting = []
            yield
            data, self._waiting = b"".join(self._waiting), None
            self.send_raw(data)

    def send_raw(self, data):
        with self._sending:
            if self._waiting is not None:
                self._waiting.append(data)
                return
            try:
                self.socket.sendall(data)
            except OSError:
                pass  # the worker has exited

    def index(self, tool):
        return self._tools[tool]

    def send_call(self, id, tool, data, timeout_ms, is_stream=False, progress=False, session=0):
        index = self._tools[tool]
        flags = (STREAM if is_stream else 0) | (WANTS_PROGRESS if progress else 0)
        if session:
            flags |= SESSION
            data = struct.pack("<I", session) + data
        if len(data) > PIECE:
            for each in split(CALL, index, id, timeout_ms, data, flags):
                self.send_raw(each)
        else:
            self.send_raw(frame(CALL, index, id, timeout_ms, data, flags))

    def send_credit(self, call_id, bytes):
        self.send_raw(frame(CREDIT, 0, call_id, bytes))

    def send_host_result(self, id, body=b"\xc0"):
        self.send_raw(frame(HOST_RESULT, 0, id, body=body))

    def send_host_failure(self, id, code=1):
        self.send_raw(frame(HOST_FAILURE, code, id, body=b"\x80"))

    def send_host_item(self, id, body=b"\xc0"):
        self.send_raw(frame(HOST_ITEM, 0, id, body=body))

    def send_feed(self, call_id, feed, body=b"\xc0"):
        self.send_raw(frame(FEED, feed, call_id, body=body))

    def send_feed_end(self, call_id, feed):
        self.send_raw(frame(FEED_END, feed, call_id))

    def send_session_open(self, number):
        self.send_raw(frame(SESSION_OPEN, 0, number, body=msgpack.packb({"id": "a"})))

    def send_session_close(self, number):
        self.send_raw(frame(SESSION_CLOSE, 0, number))

    def send_cancel(self, call_id, unless_begun):
        self.send_raw(frame(CANCEL, int(unless_begun), call_id))

    def send_ping(self, nonce):
        self.send_raw(frame(PING, 0, nonce))

    def end(self):
        """Closes the host's half."""
        self.socket.shutdown(socket.SHUT_WR)

    def abort(self):
        """Closes both halves, with what the worker has said unread."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def read_all(self, read):
        while True:
            self.reading.wait()
            header = HEADER.unpack(read(HEADER.size))
            length, kind, flags = header[:3]
            assert length <= PIECE + (4 if flags & SPLIT else 0), "a frame that is too long"
            body = read(length)
            with self.changed:
                self.order.append(kind)
                self._frame(*header[1:], body)
                self.changed.notify_all()

    def _frame(self, kind, flags, code, id, extra, body):
        assert not flags & ~(APART | SPLIT | (STREAM if kind == HOST_CALL else 0)), f"flags {flags}"
        assert extra == 0 or kind in (PONG, HOST_CALL, HOST_CREDIT, WANT), "extra"
        if kind == PART:
            header, total, pieces = self._split
            assert header[2] == id and code == flags == 0 and body, "a part of another frame"
            pieces.append(body)
            got = sum(map(len, pieces))
            assert got <= total, "too many parts"
            if got == total:
                self._split = None
                self._whole(*header, b"".join(pieces))
        elif flags & SPLIT:
            (total,) = struct.unpack_from("<I", body)
            assert self._split is None, "two split frames at a time"
            assert total > len(body) - 4, "a split frame that is whole"
            self._split = (kind, code, id, extra, flags & ~SPLIT), total, [body[4:]]
        else:
            self._whole(kind, code, id, extra, flags, body)

    def _whole(self, kind, code, id, extra, flags, body):
        segments = ()
        if flags & APART:
            assert kind in (RESULT, ITEM, HOST_CALL), "segments"
            body, segments = segments_of(body)
        assert code == 0 or kind in (FAILURE, WANT), "code"
        if kind == RESULT:
            self.heard(Result(id, body, segments))
        elif kind == ITEM:
            self.heard(Item(id, body, segments))
        elif kind == PROGRESS:
            self.heard(Progress(id, **msgpack.unpackb(body)))
        elif kind == HOST_CALL:
            self.heard(HostCall(id, extra, bool(flags & STREAM), body))
        elif kind in (HOST_CANCEL, HOST_CREDIT, WANT):
            assert body == b""
            self.heard({HOST_CANCEL: HostCancel(id), HOST_CREDIT: HostCredit(id, extra)}.get(kind, Want(id, code, extra)))
        elif kind == PONG:
            assert body == b""
            self.heard(Pong(id, extra))
        elif kind == FAILURE:
            said = msgpack.unpackb(body)
            not_begun = said.pop("notBegun", False)
            self.heard(Failure(id, FailureCode(code), not_begun=not_begun, **{"message": "", **said}))
        elif kind == READY:
            tools = msgpack.unpackb(body)["tools"]
            self._tools = {tool["name"]: index for index, tool in enumerate(tools)}
            self.heard(Ready([ToolInfo(t["name"], t["isAsync"], t["isStream"], t["summary"]) for t in tools]))
        else:
            raise AssertionError(f"a frame of kind {kind}")


def segments_of(body):
    """The msgpack and the segments of a body with segments."""
    (count,) = struct.unpack_from("<I", body)
    lengths = struct.unpack_from(f"<{count}I", body, 4)
    end = at = len(body) - sum(lengths)
    segments = []
    for length in lengths:
        segments.append(body[at : at + length])
        at += length
    assert count > 0 and at == len(body)
    return body[4 + 4 * count : end], segments


class LaneServer:
    """``refusal``: code and message of Refused; ``first``: bytes to send instead of preamble and Welcome."""

    def __init__(self, path, expect, max_bytes, refusal=None, first=None):
        self._expect = expect
        self._max_bytes = max_bytes
        self._refusal = refusal
        self._first = first
        self._connections = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        file = connection.makefile("rb")

        def read(count):
            data = file.read(count)
            if len(data) < count:
                raise EOFError
            return data

        lane = None
        try:
            assert read(8) == PREAMBLE
            length, *header = HEADER.unpack(read(HEADER.size))
            assert header == [HELLO, 0, 0, 0, 0]
            lane = self._greet(connection, msgpack.unpackb(read(length)))
            if lane is not None:
                lane.read_all(read)
        except (EOFError, OSError):
            pass
        except AssertionError as broken:
            if lane is not None:
                lane.violations.append(str(broken))
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            if lane is not None:
                lane.lost()

    def _greet(self, connection, said):
        worker = None if self._refusal is not None else self._expect(said["token"])
        if worker is None:
            code, message = self._refusal or (2, "no worker is expected with this token")
            body = msgpack.packb({"message": message})
            connection.sendall(PREAMBLE + frame(REFUSED, code, body=body))
            connection.shutdown(socket.SHUT_RDWR)
            return None
        lane = LaneConnection(connection)
        lane.hello = Hello(said["token"], said["pid"], said["package"], said["python"], said["begun"])
        welcome = PREAMBLE + frame(WELCOME, body=msgpack.packb({"maxBytes": self._max_bytes}))
        connection.sendall(welcome if self._first is None else self._first)
        worker.connection = lane
        return lane
