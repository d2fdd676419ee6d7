"""A worker of the socket lane that is written from docs/protocol.md and from nothing else: standard library only.

A pool starts it in the place of a Python worker. Its main thread runs calls in their order, another thread reads the
socket, so Ping and Cancel are heard while a tool runs.
"""

import json
import mmap
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time

from packing import pack, unpack

MAGIC = b"TRM\x1a"
VERSION = 4
HEADER = struct.Struct("<IBBHII")
HELLO, READY, RESULT, FAILURE, PONG, PART = 1, 2, 3, 4, 5, 6
WELCOME, REFUSED, CALL, CANCEL, PING, HOST_PART = 16, 17, 18, 19, 20, 21
IS_APART, IS_SPLIT, MAY_SPIN = 1, 2, 4
LONGEST = (1024 + 64) * 1024
PYTHON_ERROR, CANCELLED, DEADLINE_EXCEEDED = 1, 4, 5
ORDER_TO_END = 57


class Ended(Exception):
    """The host has closed the session."""


class Tools:
    """Each public method is a tool. Async tools wait for ``stopped``, which a Cancel sets."""

    def echo(self, value):
        """Says it again."""
        return value

    def fail(self, message):
        raise LookupError(message)

    def block(self, seconds):
        time.sleep(seconds)
        return "blocked"

    def bytes(self, count):
        return bytes(count)

    def text(self, count):
        return "é" * count

    def running(self):
        return threading.current_thread() is threading.main_thread()

    def wait(self, stopped, seconds):
        if stopped.wait(seconds):
            raise TimeoutError
        return "waited"


ASYNC = {"wait"}
NAMES = [name for name in vars(Tools) if not name.startswith("_")]


class Call:
    def __init__(self, id, name, arguments, timeout):
        self.id, self.name, self.arguments = id, name, arguments
        self.deadline = time.monotonic() + timeout / 1000 if timeout else None
        self.stopped = threading.Event()
        self.state = "waiting"


class Peer:
    def __init__(self, boot):
        self.token = boot["token"]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(boot["socket"])
        with open(boot["begun"], "r+b") as page:
            self.begun = mmap.mmap(page.fileno(), 16 * 1024)
        self.sending = threading.Lock()
        self.changing = threading.Lock()
        self.open = {}
        self.waiting = queue.SimpleQueue()
        self.running = 0
        self.stopping = False
        self.most = LONGEST
        self.split = None

    # What goes out.

    def send(self, kind, code=0, id=0, extra=0, body=b"", flags=0):
        """Frames of one body are not interrupted by others here, though they may be."""
        pieces = []
        if len(body) > LONGEST:
            pieces.append(HEADER.pack(LONGEST + 4, kind, flags | IS_SPLIT, code, id, extra))
            pieces.append(struct.pack("<I", len(body)) + body[:LONGEST])
            for start in range(LONGEST, len(body), LONGEST):
                part = body[start : start + LONGEST]
                pieces += [HEADER.pack(len(part), PART, 0, 0, id, 0), part]
        else:
            pieces += [HEADER.pack(len(body), kind, flags, code, id, extra), body]
        with self.sending:
            for piece in pieces:
                self.socket.sendall(piece)

    def result(self, call, value):
        segments = []
        body = pack(value, segments)
        if segments:
            table = struct.pack(f"<{len(segments) + 1}I", len(segments), *map(len, segments))
            body = b"".join([table, body, *segments])
        self.send(RESULT, id=call.id, body=body, flags=IS_APART if segments else 0)

    def failure(self, call, code, message, **more):
        self.send(FAILURE, code, call.id, body=pack({"message": message, **more}))

    # What comes in.

    def receive(self, count):
        data = bytearray(count)
        view, filled = memoryview(data), 0
        while filled < count:
            got = self.socket.recv_into(view[filled:])
            if got == 0:
                raise Ended
            filled += got
        return bytes(data)

    def frame(self):
        length, kind, flags, code, id, extra = HEADER.unpack(self.receive(HEADER.size))
        if kind not in (WELCOME, REFUSED, CALL, CANCEL, PING, HOST_PART):
            raise ValueError(f"a frame of kind {kind}")
        if flags & ~(IS_APART | IS_SPLIT | MAY_SPIN) or (flags & (IS_APART | MAY_SPIN) and kind != CALL):
            raise ValueError(f"flags {flags} on a frame of kind {kind}")
        if length > LONGEST + (4 if flags & IS_SPLIT else 0):
            raise ValueError(f"a body of {length} bytes")
        return kind, flags, code, id, extra, self.receive(length)

    def whole(self):
        """The next frame whose body is complete."""
        while True:
            kind, flags, code, id, extra, body = self.frame()
            if flags & IS_SPLIT:
                total = int.from_bytes(body[:4], "little")
                if self.split or len(body) < 4 or not len(body) - 4 < total <= self.most:
                    raise ValueError("a split frame that cannot be")
                self.split = (kind, flags, code, id, extra), total, bytearray(body[4:])
            elif kind == HOST_PART:
                if self.split is None:
                    raise ValueError("a Part without a split frame")
                head, total, parts = self.split
                parts += body
                if id != head[3] or not body or len(parts) > total:
                    raise ValueError("a Part that does not fit")
                if len(parts) == total:
                    self.split = None
                    return (*head, bytes(parts))
            else:
                return kind, flags, code, id, extra, body

    def greet(self):
        hello = {"token": self.token, "pid": os.getpid(), "package": "second peer", "python": sys.version.split()[0]}
        self.socket.sendall(MAGIC + struct.pack("<HH", VERSION, 0))
        self.send(HELLO, body=pack({**hello, "begun": True}))
        preamble = self.receive(8)
        if preamble[:4] != MAGIC:
            raise ValueError(f"this is no host of the socket lane: {preamble!r}")
        kind, _, _, _, _, body = self.whole()
        if kind != WELCOME:
            raise ValueError(unpack(body).get("message", "no Welcome"))
        self.most = unpack(body)["maxBytes"]
        tools = [{"name": n, "isAsync": n in ASYNC, "summary": (getattr(Tools, n).__doc__ or "")} for n in NAMES]
        self.send(READY, body=pack({"tools": tools}))

    def read(self):
        status = 0
        try:
            while True:
                self.take(*self.whole())
        except Ended:
            pass
        except BaseException as error:
            print(f"second peer: {error}", file=sys.stderr, flush=True)
            status = 75
        os._exit(status)

    def take(self, kind, flags, code, id, extra, body):
        if kind == PING:
            self.send(PONG, id=id, extra=self.running)
        elif kind == CANCEL:
            call = self.open.get(id)
            if call is not None and self.begin(call, "answered"):
                self.answer(call, self.failure, CANCELLED, "cancelled before it began", notBegun=True)
            elif call is not None and code == 0:
                call.stopped.set()
        elif kind == CALL:
            if id == 0 or id in self.open:
                raise ValueError(f"a call with id {id}")
            call = self.open[id] = Call(id, NAMES[code], self.arguments(flags, body), extra)
            if call.name in ASYNC:
                threading.Thread(target=self.run, args=(call,), daemon=True).start()
            else:
                self.waiting.put(call)
        else:
            raise ValueError(f"a frame of kind {kind} after Welcome")

    def arguments(self, flags, body):
        if not flags & IS_APART:
            return unpack(body) if body else {}
        (count,) = struct.unpack_from("<I", body)
        lengths = struct.unpack_from(f"<{count}I", body, 4)
        at, end = 4 + 4 * count, len(body) - sum(lengths)
        if count == 0 or end < at:
            raise ValueError("a table of segments that does not add up")
        data, segments = body[at:end], []
        for length in lengths:
            segments.append(body[end : end + length])
            end += length
        return unpack(data, segments)

    # Calls.

    def begin(self, call, state):
        """True for one caller: it runs the call or answers it."""
        with self.changing:
            if call.state != "waiting":
                return False
            call.state = state
            return True

    def answer(self, call, how, *arguments, **more):
        del self.open[call.id]
        how(call, *arguments, **more)

    def run(self, call):
        if self.stopping:
            if self.begin(call, "answered"):
                self.answer(call, self.failure, CANCELLED, "the worker ends", notBegun=True)
            return
        if call.deadline is not None and time.monotonic() >= call.deadline:
            if self.begin(call, "answered"):
                self.answer(call, self.failure, DEADLINE_EXCEEDED, "too late", notBegun=True)
            return
        if not self.begin(call, "begun"):
            return
        self.begun[call.id % 4096 * 4 : call.id % 4096 * 4 + 4] = struct.pack("<I", call.id)
        is_async = call.name in ASYNC
        if not is_async:
            self.running = call.id
        try:
            more = {"stopped": call.stopped} if is_async else {}
            value = getattr(Tools(), call.name)(**call.arguments, **more)
        except TimeoutError:
            self.answer(call, self.failure, CANCELLED, "cancelled")
        except Exception as error:
            attributes = pack({"args": pack(list(error.args))})
            more = {"type": type(error).__name__, "traceback": "not here", "attributes": attributes}
            self.answer(call, self.failure, PYTHON_ERROR, str(error), **more)
        else:
            self.answer(call, self.result, value)
        if not is_async:
            self.running = 0

    def serve(self):
        threading.Thread(target=self.read, daemon=True).start()
        signal.signal(ORDER_TO_END, lambda *_: self.stop())
        while (call := self.waiting.get()) is not None:
            self.run(call)
        while not self.waiting.empty():
            call = self.waiting.get()
            if call is not None:
                self.run(call)
        os._exit(0)

    def stop(self):
        self.stopping = True
        self.waiting.put(None)


def main():
    peer = Peer(json.loads(os.environ.pop("TERRARIUM_BOOT")))
    peer.greet()
    peer.serve()


if __name__ == "__main__":
    main()
