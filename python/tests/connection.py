"""One worker's session, seen from the host of the tests: what both transports have in common."""

import queue
import threading
import time
from contextlib import contextmanager
from typing import NamedTuple

import msgpack
from terrarium._frames import Failure, Pong, Progress

PATIENCE = 20.0
"""How long a test waits for anything before it fails, in seconds."""


WINDOW = 262_144
"""The credit that each stream begins with, in bytes."""


class Result(NamedTuple):
    """A call ended with a value."""

    id: int
    body: bytes
    segments: "tuple | list" = ()


class Item(NamedTuple):
    """An item of a stream."""

    id: int
    body: bytes
    segments: "tuple | list" = ()


class HostCall(NamedTuple):
    """A tool calls a function of the host."""

    id: int
    call: int
    is_stream: bool
    body: bytes


def eventually(what, condition, patience=PATIENCE):
    """Waits until ``condition()`` is true and returns its value. ``patience`` in seconds."""
    end = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"still not after {patience} s: {what}")
        time.sleep(0.005)
    return value


class Connection:
    """Calls are sent and answers received by any thread. A transport adds ``send_call``, ``send_cancel``,
    ``send_credit``, ``send_ping``, ``end``, which ends the session in order, and ``abort``. It calls ``heard`` with
    each frame of the worker."""

    def __init__(self):
        self.hello = None
        self.ready = None
        self.worker = None
        self.violations = []
        self.frames = queue.SimpleQueue()  # all frames but Hello, results and failures
        self.answers = {}
        self.items = {}  # of each stream, by the id of its call
        self.progress = {}  # of each call that has told some: done, total and text
        self.credit = {}  # what the worker may send of each stream, in bytes
        self.ended = threading.Event()
        self.on_answer = None
        self.changed = threading.Condition()
        self._last_call = 0

    def call(self, tool, arguments=None, timeout_ms=0, raw=None, id=None, **flags):
        """Sends a call; returns its id."""
        data = raw if raw is not None else msgpack.packb(arguments or {}, datetime=True)
        id = self.new_id() if id is None else id
        self.send_call(id, tool, data, timeout_ms, **flags)
        return id

    def stream(self, tool, arguments=None, timeout_ms=0, **flags):
        """Sends a call of a generator; returns its id."""
        id = self.new_id()
        self.items[id] = []
        self.credit[id] = WINDOW
        self.send_call(id, tool, msgpack.packb(arguments or {}), timeout_ms, True, **flags)
        return id

    def read(self, id, count):
        """Waits for so many items of a stream, and gives back what they cost. Returns their values."""
        with self.changed:
            enough = lambda: len(self.items[id]) >= count or id in self.answers or self.ended.is_set()  # noqa: E731
            assert self.changed.wait_for(enough, PATIENCE), f"{len(self.items[id])} of {count} items"
            taken = self.items[id][:count]
            del self.items[id][:count]
            bytes = sum(map(cost, taken))
            self.credit[id] += bytes
        if bytes:
            self.send_credit(id, bytes)
        return [value_of(item) for item in taken]

    def rest(self, id):
        """Reads to the end of a stream. Returns the values of all items."""
        values = []
        while more := self.read(id, 1):
            values += more
        return values

    def new_id(self):
        with self.changed:
            self._last_call += 1
            return self._last_call

    @contextmanager
    def together(self):
        """What is said within arrives at once."""
        with self.changed:
            yield

    def cancel(self, call_id, unless_begun=False):
        self.send_cancel(call_id, unless_begun)

    def ping(self, nonce=1):
        """Pings the worker; returns the call on its main thread. What was sent before is handled then."""
        self.send_ping(nonce)
        pong = self.frames.get(timeout=PATIENCE)
        assert isinstance(pong, Pong) and pong.nonce == nonce, pong
        return pong.running

    def answer(self, call_id, patience=PATIENCE):
        """The Result or Failure of a call."""
        with self.changed:
            assert self.changed.wait_for(lambda: call_id in self.answers or self.ended.is_set(), patience), "no answer"
            assert call_id in self.answers, "the session ended without an answer"
            return self.answers[call_id]

    def value(self, call_id):
        answer = self.answer(call_id)
        assert isinstance(answer, Result), answer
        return value_of(answer)

    def run(self, tool, timeout_ms=0, **arguments):
        """Calls a tool and returns its value."""
        return self.value(self.call(tool, arguments, timeout_ms))

    def fail(self, tool, timeout_ms=0, **arguments):
        """Calls a tool and returns its failure."""
        answer = self.answer(self.call(tool, arguments, timeout_ms))
        assert isinstance(answer, Failure), answer
        return answer

    def is_idle(self):
        """Whether the session is open, and every call is answered."""
        with self.changed:
            return not self.ended.is_set() and len(self.answers) == self._last_call and self.frames.empty()

    def heard(self, frame):
        """Takes a frame of the worker. Call it with ``changed`` held."""
        if isinstance(frame, Item):
            if frame.id in self.answers or frame.id not in self.items:
                self.violations.append(f"an item of call {frame.id}, which is no open stream")
            elif self.credit[frame.id] <= 0:
                self.violations.append(f"an item of call {frame.id}, which has no credit")
            else:
                self.items[frame.id].append(frame)
                self.credit[frame.id] -= cost(frame)
        elif isinstance(frame, Progress):
            if frame.id in self.answers:
                self.violations.append(f"progress of call {frame.id} after its answer")
            self.progress.setdefault(frame.id, []).append(frame[1:])
        elif isinstance(frame, (Result, Failure)):
            if frame.id in self.answers:
                self.violations.append(f"call {frame.id} was answered twice")
            self.answers[frame.id] = frame
            if self.on_answer is not None:
                self.on_answer(frame)
        else:
            self.frames.put(frame)
        self.changed.notify_all()

    def lost(self):
        """The session has ended."""
        self.ended.set()
        with self.changed:
            self.changed.notify_all()


def cost(item):
    """What an item costs, in bytes."""
    table = 4 + 4 * len(item.segments) if item.segments else 0
    return 16 + table + len(item.body) + sum(map(len, item.segments))


def value_of(result):
    """The value of a Result or an Item. An array that travelled apart is a pair of its head and its bytes."""

    def extension(code, payload):
        if code != 8:
            return msgpack.ExtType(code, payload)
        segment = result.segments[int.from_bytes(payload[:4], "little")]
        return segment if len(payload) == 4 else (payload[4:], segment)

    return msgpack.unpackb(result.body, timestamp=3, strict_map_key=False, ext_hook=extension)
