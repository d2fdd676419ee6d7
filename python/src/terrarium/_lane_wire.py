"""The form of frames on the socket lane, and the frames of a worker as bytes. ``_lane_parser`` reads those of a host,
and ``docs/protocol.md`` has the whole table."""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any

from terrarium._frames import Failure, Hello, HostCancel, HostCredit, Pong, Progress, Ready, Want
from terrarium._values._encode import in_one
from terrarium._version import PROTOCOL_VERSION

WORKER_KIND = {
    "hello": 1,
    "ready": 2,
    "result": 3,
    "failure": 4,
    "pong": 5,
    "part": 6,
    "item": 7,
    "progress": 8,
    "hostCall": 9,
    "hostCancel": 10,
    "hostCredit": 11,
    "want": 12,
}
HOST_KIND = {
    "welcome": 16,
    "refused": 17,
    "call": 18,
    "cancel": 19,
    "ping": 20,
    "part": 21,
    "credit": 22,
    "hostResult": 23,
    "hostFailure": 24,
    "hostItem": 25,
    "feed": 26,
    "feedEnd": 27,
    "sessionOpen": 28,
    "sessionClose": 29,
}
FLAG = {"apart": 1, "split": 2, "spin": 4, "stream": 8, "session": 32, "progress": 64}
REFUSED_CODE = {"protocol_mismatch": 1, "token_refused": 2}

HELLO, READY, RESULT, FAILURE, PONG, PART_OF_WORKER, ITEM, PROGRESS, *_OF_TOOLS = WORKER_KIND.values()
HOST_CALL, HOST_CANCEL, HOST_CREDIT, WANT = _OF_TOOLS
WELCOME, REFUSED, CALL, CANCEL, PING, PART_OF_HOST, CREDIT, *_FOR_TOOLS = HOST_KIND.values()
HOST_RESULT, HOST_FAILURE, HOST_ITEM, FEED, FEED_END, SESSION_OPEN, SESSION_CLOSE = _FOR_TOOLS
APART, SPLIT, SPIN, STREAM, SESSION, WANTS_PROGRESS = FLAG.values()

HEADER = Struct("<IBBHII")
"""Length of the body, kind, flags, code, id, extra."""
HEADER_BYTES = HEADER.size
MAGIC = b"TRM\x1a"
PREAMBLE = MAGIC + PROTOCOL_VERSION.to_bytes(2, "little") + b"\0\0"
LONGEST_PIECE = (1024 + 64) * 1024
"""The longest body of one frame, in bytes; the first frame of a split body has 4 more. It has room for 1 MiB of bytes
and what stands around them."""
MOST_SEGMENTS = 4096


def pack(kind: int, code: int, id: int, extra: int, body: bytes = b"") -> bytes:
    """A frame that is neither split nor has segments."""
    return HEADER.pack(len(body), kind, 0, code, id, extra) + body


def pack_hello(hello: Hello) -> bytes:
    token, pid, package, python, begun = hello
    return pack(HELLO, 0, 0, 0, in_one(dict(token=token, pid=pid, package=package, python=python, begun=begun)))


def ready_body(ready: Ready) -> bytes:
    """Fields that a worker need not tell are left out where they are empty."""
    tools = []
    for tool in ready.tools:
        more = dict(signature=tool.signature, doc=tool.doc, kind=tool.kind, batch=tool.batch)
        told = {name: value for name, value in more.items() if value}
        tools.append(
            dict(name=tool.name, isAsync=tool.is_async, isStream=tool.is_stream, summary=tool.summary, **told)
        )
    return in_one({"tools": tools})


def failure_body(failure: Failure) -> bytes:
    """Empty fields are left out."""
    fields = dict(
        type=failure.type,
        message=failure.message,
        traceback=failure.traceback,
        hint=failure.hint,
        place=failure.place,
        notBegun=failure.not_begun,
        attributes=failure.attributes,
        hostCall=failure.host_call,
    )
    return in_one({name: value for name, value in fields.items() if value})


def pack_pong(pong: Pong) -> bytes:
    return pack(PONG, 0, pong.nonce, pong.running)


def pack_progress(progress: Progress) -> bytes:
    id, done, total, text = progress
    return pack(PROGRESS, 0, id, 0, in_one(dict(done=done, total=total, text=text)))


def pack_want(want: Want) -> bytes:
    return pack(WANT, want.feed, want.id, want.bytes)


def pack_host_frame(frame: "HostCancel | HostCredit") -> bytes:
    if isinstance(frame, HostCancel):
        return pack(HOST_CANCEL, 0, frame.id, 0)
    return pack(HOST_CREDIT, 0, frame.id, frame.bytes)


def pieces(
    kind: int, code: int, id: int, body: Any, segments: "Sequence[Any]" = (), extra: int = 0, flags: int = 0
) -> "Iterator[list[Any]]":
    """The frames of a long body, each as the buffers that are sent one after the other. Nothing is copied."""
    buffers = [body]
    if segments:
        flags |= APART
        lengths = [len(segments), *map(len, segments)]
        buffers = [b"".join(length.to_bytes(4, "little") for length in lengths) + body, *segments]
    total = sum(map(len, buffers))
    if total <= LONGEST_PIECE:
        yield [HEADER.pack(total, kind, flags, code, id, extra), *buffers]
        return
    head = [HEADER.pack(4 + LONGEST_PIECE, kind, flags | SPLIT, code, id, extra), total.to_bytes(4, "little")]
    for size, piece in _cut(buffers):
        yield [*(head or [HEADER.pack(size, PART_OF_WORKER, 0, 0, id, 0)]), *piece]
        head.clear()


def _cut(buffers: "list[Any]") -> "Iterator[tuple[int, list[memoryview]]]":
    """The buffers as lists of views, each list of LONGEST_PIECE bytes but for the last; with the size of each list."""
    piece: list[memoryview] = []
    room = LONGEST_PIECE
    for buffer in buffers:
        rest = memoryview(buffer)
        while len(rest) > 0:
            piece.append(rest[:room])
            rest = rest[room:]
            room -= len(piece[-1])
            if room == 0:
                yield LONGEST_PIECE, piece
                piece, room = [], LONGEST_PIECE
    if piece:
        yield LONGEST_PIECE - room, piece
