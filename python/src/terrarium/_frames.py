"""The frames of a session: what a worker and its host say to each other, without any bytes of the wire.

A carrier turns frames into bytes and back. There are two: ``_lane`` is the socket lane, ``_grpc`` is gRPC. The session
and everything above it know frames only. ``docs/protocol.md`` says what each frame means.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol


class FailureCode(IntEnum):
    """Why a call ended without a value."""

    PYTHON_ERROR = 1
    TOOL_NOT_FOUND = 2
    INVALID_ARGUMENT = 3
    CANCELLED = 4
    DEADLINE_EXCEEDED = 5
    PAYLOAD_TOO_LARGE = 6
    RESULT_NOT_SENDABLE = 7
    POOL_SATURATED = 8
    """Of a host call only."""


class Hello(NamedTuple):
    """Presents the worker."""

    token: str
    pid: int
    package_version: str
    python_version: str
    reports_begun: bool
    """Whether the worker writes the page of begun calls, see ``_begun``."""


class ToolInfo(NamedTuple):
    """What the host is told of a tool."""

    name: str
    is_async: bool
    is_stream: bool
    """It is a generator: it has a stream of items instead of a result."""
    summary: str
    signature: str = ""
    """Empty if it is not known."""
    doc: str = ""
    kind: str = ""
    """``sync``, ``async``, ``class`` or ``builtin``."""
    batch: int = 0
    """How many calls are one batch at most; 0 without batches."""


class Ready(NamedTuple):
    """The worker accepts calls."""

    tools: "list[ToolInfo]"


class Failure(NamedTuple):
    """A call ended without a value."""

    id: int
    code: FailureCode
    message: str
    type: str = ""
    traceback: str = ""
    hint: str = ""
    place: str = ""
    attributes: bytes = b""
    not_begun: bool = False
    host_call: int = 0
    """The host call whose failure the exception is, or was raised from; 0 if there is none."""


class Pong(NamedTuple):
    """The answer to a Ping."""

    nonce: int
    running: int
    """The id of the call on the main thread; 0 when it is idle."""


class Progress(NamedTuple):
    """How far a call has come, as its tool says. Only for an open call that asks for it."""

    id: int
    done: "float | None"
    total: "float | None"
    text: str


class Welcome(NamedTuple):
    """The host accepts the worker."""

    max_bytes: int
    """The longest value that either side may send, in bytes."""


class Refusal(NamedTuple):
    """The host turns this worker away, and says why."""

    code: int
    """1 for another version of the protocol, 2 for a token that is not expected."""
    message: str


class Call:
    """A call that the host has sent. The session keeps the frame until the call is answered."""

    __slots__ = ("batch", "body", "cancelled", "deadline", "extras", "id", "segments", "timeout_ms", "tool")

    def __init__(self, id: int, tool: Any, body: Any, segments: "Sequence[Any]", timeout_ms: int) -> None:
        self.id = id
        self.tool = tool
        """The index of the tool in Ready, or its name; once the session has the call, the Tool itself."""
        self.body = body
        """The keyword arguments: one msgpack map."""
        self.segments = segments
        self.timeout_ms = timeout_ms
        """The time left when the host sent the call; 0 without a deadline."""
        self.deadline: "float | None" = None
        """In seconds on the monotonic clock; None without a deadline. Set by the session."""
        self.cancelled = False
        self.batch: "list[Call] | None" = None
        """The calls of its batch, once that has begun."""
        self.extras: "Extras | None" = None
        """None for most calls."""


class Extras:
    """What a call has beside its arguments."""

    __slots__ = ("progress", "reporter", "session")

    def __init__(self, progress: bool, session: Any = 0) -> None:
        self.session = session
        """The number of its session, 0 for none; once the session has the call, the ToolSession itself, or None."""
        self.progress = progress
        """Whether its caller wants to hear how far it has come."""
        self.reporter: Any = None
        """What sends that, see ``_progress``. Set by the session."""

    def end(self) -> None:
        """The answer of the call follows."""
        if self.reporter is not None:
            self.reporter.end()


STREAM_WINDOW = 256 * 1024
"""The credit that each stream begins with, in bytes. Items of a stream are sent while it has credit."""
ITEM_OVERHEAD = 16
"""What an item costs beside the bytes of its value."""


class StreamCall(Call):
    """A call of a generator, whose items are wanted."""

    __slots__ = ("granted", "spent", "wake")

    def __init__(self, id: int, tool: Any, body: Any, segments: "Sequence[Any]", timeout_ms: int) -> None:
        super().__init__(id, tool, body, segments, timeout_ms)
        # Two numbers, because two threads write them.
        self.granted = STREAM_WINDOW
        """All credit so far, in bytes. Written by the thread that receives."""
        self.spent = 0
        """What the items so far have cost, in bytes. Written by the thread that runs the generator."""
        self.wake: Any = None
        """What an async tool awaits while it has no credit, see ``_async_streams``."""

    @property
    def must_wait(self) -> bool:
        return self.spent >= self.granted and not self.cancelled


class Cancel(NamedTuple):
    """Stop a call, or forget it if it has not begun."""

    id: int
    unless_begun: bool
    """A call that has begun goes on."""


class Credit(NamedTuple):
    """Room for more items of a stream."""

    id: int
    bytes: int


class HostCancel(NamedTuple):
    """The tool wants neither the answer of a host call nor further items."""

    id: int


class HostCredit(NamedTuple):
    """Room for more items of a host call."""

    id: int
    bytes: int


class HostResult(NamedTuple):
    """A host call ended with a value."""

    id: int
    body: bytes
    segments: "Sequence[Any]"


class HostFailure(NamedTuple):
    """A host call ended without a value."""

    id: int
    code: int
    type: str
    message: str
    traceback: str
    hint: str
    place: str
    attributes: bytes


class HostItem(NamedTuple):
    """The next item of a host call."""

    id: int
    body: bytes
    segments: "Sequence[Any]"


class Want(NamedTuple):
    """The tool takes items of a feed, which is an argument that is a stream."""

    id: int
    feed: int
    """The index of the feed in the call."""
    bytes: int
    """Room for more items; 0: no more are wanted."""


class Feed(NamedTuple):
    """The next item of a feed."""

    id: int
    feed: int
    body: Any
    segments: "Sequence[Any]"


class FeedEnd(NamedTuple):
    """A feed has no more items."""

    id: int
    feed: int
    failure: "tuple[str, str] | None"
    """The name of the error and its message, if the feed has failed."""


class SessionOpen(NamedTuple):
    """Begins a session of calls."""

    number: int
    id: str


class SessionClose(NamedTuple):
    """Ends a session of calls, of which no call is open."""

    number: int


class Ping(NamedTuple):
    """Asks for a Pong."""

    nonce: int


WorkerFrame = Hello | Ready | Failure | Pong | Progress | HostCancel | HostCredit | Want
"""A worker also sends results, items and host calls. They have no class of their own, which would cost more than to
encode a short value."""
HostFrame = Welcome | Refusal | Call | Cancel | Ping | Credit | HostResult | HostFailure | HostItem | Feed | FeedEnd | SessionOpen | SessionClose


def size_of(body: bytes, segments: "Sequence[Any]") -> int:
    """The bytes that a value with segments takes in all."""
    return len(body) + sum(map(len, segments)) + 4 * len(segments) + 4


class Carrier(Protocol):
    """Carries the frames of one session. ``send`` and ``flush`` are for any thread, the others for one at a time."""

    waits_are_short: bool
    """Whether ``receive`` returns at least every 0.25 s, may be called with ``wait=False``, and has ``has_come``."""

    sends_apart: bool
    """Whether values may have segments."""

    def open(self, hello: Hello) -> "tuple[Welcome, list[HostFrame]]":
        """Connects and says Hello. Returns Welcome and the frames that came with it. Raises Refused or SessionLost."""

    def send(self, frame: WorkerFrame) -> None:
        """Queues a frame."""

    def send_result(self, id: int, body: bytes, segments: "Sequence[Any]") -> None:
        """Queues a Result. Segments are the tool's own memory: ``flush`` before user code goes on."""

    def send_item(self, id: int, body: bytes, segments: "Sequence[Any]") -> bool:
        """Queues an item of a stream. Returns whether ``flush`` must wait until it is sent before another frame of the
        stream is queued, which would overtake it."""

    def send_host_call(self, id: int, call: int, is_stream: bool, body: bytes, segments: "Sequence[Any]") -> None:
        """Queues a host call on behalf of a call. Segments are the tool's own memory, as of a Result."""

    def flush(self, wait: bool = False) -> None:
        """Gives all queued frames to the system, or leaves that to the thread that is sending already. Blocks while the
        host does not read. ``wait``: returns when all is sent, even if another thread sends it. Raises OSError."""

    def receive(self, wait: bool = True) -> "list[HostFrame]":
        """The next frames. Waits for them; without ``wait`` returns what has come. Raises EOFError when the host
        has closed the session, OSError when it is lost, and ValueError when the host breaks the protocol."""

    def has_come(self, wait: bool) -> bool:
        """Whether there is something to receive, which another thread may receive first. ``wait``: for at most 0.25 s.
        Only with ``waits_are_short``."""

    def received(self, answers_follow: bool) -> None:
        """The frames of the last ``receive`` are handled. ``answers_follow``: the main thread is about to answer."""

    @property
    def is_done(self) -> bool:
        """Whether the host has every frame. True only for a moment, because other threads may send."""

    @property
    def taken(self) -> int:
        """Changes when the host takes a message on. Of a carrier that has nothing to send any more it does not."""

    def hurry(self) -> None:
        """The worker ends: a host that does not read is waited for no longer than 1 s. Safe in a signal handler."""

    def finish(self) -> None:
        """Says that no further frame comes, once all are sent."""

    def fileno(self) -> int:
        """The descriptor that can be waited for. Only with ``waits_are_short``."""

    def close(self) -> None: ...
