"""The reader of the socket lane: every frame of a host in chunks of every size, and everything that is no frame."""

import random
import struct

import msgpack
import pytest
from lane_host import APART, CALL, CANCEL, CREDIT, HEADER, PART_OF_HOST, PIECE, PING, REFUSED, SPIN, SPLIT, STREAM
from lane_host import FEED, FEED_END, HOST_FAILURE, HOST_ITEM, HOST_RESULT, SESSION, SESSION_CLOSE, SESSION_OPEN, WELCOME
from lane_host import WANTS_PROGRESS, apart, frame, split
from terrarium._frames import Call, Cancel, Credit, Ping, Refusal, StreamCall, Welcome
from terrarium._lane_parser import Parser


def parsed(data, chunk=None, max_bytes=1 << 24):
    """The frames of some bytes, which arrive in chunks of at most so many bytes."""
    parser = Parser()
    parser.max_bytes = max_bytes
    frames, data = [], memoryview(data)
    while data:
        place = parser.place()
        count = min(len(place), len(data), chunk or len(data))
        place[:count] = data[:count]
        data = data[count:]
        frames += parser.arrived(count)
    assert parser.filled == parser.missing == 0, "something is left"
    return [plain(each) for each in frames]


def plain(each):
    """A frame as something to compare."""
    if not isinstance(each, Call):
        return each
    fields = (each.id, each.tool, each.timeout_ms, bytes(each.body), [bytes(segment) for segment in each.segments])
    return (*fields, "stream") if type(each) is StreamCall else fields


LONG = random.Random(1).randbytes(3 * PIECE + 77)
SEGMENTS = [LONG[:100_000], LONG[:65_536], b"x"]
HEAD = msgpack.packb([msgpack.ExtType(8, struct.pack("<I", index)) for index in range(3)])

FRAMES = {
    "a call": (frame(CALL, 7, 1, 5000, b"\x80"), [(1, 7, 5000, b"\x80", [])]),
    "a call without arguments": (frame(CALL, 7, 1), [(1, 7, 0, b"", [])]),
    "a call that may spin": (frame(CALL, 7, 1, 5000, b"\x80", SPIN), [(1, 7, 5000, b"\x80", [])]),
    "a call without arguments that may spin": (frame(CALL, 7, 1, flags=SPIN), [(1, 7, 0, b"", [])]),
    "a split body that may spin": (b"".join(split(CALL, 3, 8, 9, LONG, SPIN)), [(8, 3, 9, LONG, [])]),
    "a body with segments that may spin": (
        frame(CALL, 3, 8, 9, apart(HEAD, *SEGMENTS), APART | SPIN),
        [(8, 3, 9, HEAD, SEGMENTS)],
    ),
    "three calls": (b"".join(frame(CALL, 0, id, 0, b"\x81\xa1a\x01") for id in (1, 2, 3)), 3),
    "a stream": (frame(CALL, 7, 1, 5000, b"\x80", STREAM), [(1, 7, 5000, b"\x80", [], "stream")]),
    "a stream without arguments": (frame(CALL, 7, 1, flags=STREAM), [(1, 7, 0, b"", [], "stream")]),
    "a split stream with segments": (
        b"".join(split(CALL, 3, 8, 9, apart(HEAD, *SEGMENTS), APART | STREAM, piece=40_000)),
        [(8, 3, 9, HEAD, SEGMENTS, "stream")],
    ),
    "credit": (frame(CREDIT, 0, 9, 4_000_000_000), [Credit(9, 4_000_000_000)]),
    "a cancel": (frame(CANCEL, 1, 9) + frame(CANCEL, 0, 9), [Cancel(9, True), Cancel(9, False)]),
    "a ping": (frame(PING, 0, 4_000_000_000), [Ping(4_000_000_000)]),
    "Welcome": (frame(WELCOME, body=msgpack.packb({"maxBytes": 5, "of a later version": 1})), [Welcome(5)]),
    "Refused": (frame(REFUSED, 2, body=msgpack.packb({"message": "no"})), [Refusal(2, "no")]),
    "Refused without a message": (frame(REFUSED, 1, body=b"\x80"), [Refusal(1, "")]),
    "the longest body of one frame": (frame(CALL, 0, 1, 0, LONG[:PIECE]), [(1, 0, 0, LONG[:PIECE], [])]),
    "a split body": (b"".join(split(CALL, 3, 8, 9, LONG)), [(8, 3, 9, LONG, [])]),
    "a split body of short parts": (b"".join(split(CALL, 3, 8, 9, LONG[:100], piece=7)), [(8, 3, 9, LONG[:100], [])]),
    "a body with segments": (
        frame(CALL, 3, 8, 9, apart(HEAD, *SEGMENTS), APART),
        [(8, 3, 9, HEAD, SEGMENTS)],
    ),
    "a split body with segments": (
        b"".join(split(CALL, 3, 8, 9, apart(HEAD, *SEGMENTS), APART, piece=40_000)),
        [(8, 3, 9, HEAD, SEGMENTS)],
    ),
    "a first part that ends with its table": (
        b"".join(split(CALL, 3, 8, 9, apart(HEAD, *SEGMENTS), APART, piece=16)),
        [(8, 3, 9, HEAD, SEGMENTS)],
    ),
}


@pytest.mark.parametrize("chunk", [None, 1, 15, 17, 4096, 100_003])
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_in_chunks(name, chunk):
    data, expected = FRAMES[name]
    if chunk is not None and len(data) // chunk > 50_000:
        data, chunk = data, len(data) // 20_000
    found = parsed(data, chunk)
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_frames_between_the_parts_of_a_split_body():
    first, *parts = split(CALL, 0, 1, 0, LONG)
    call = frame(CALL, 0, 2, 0, LONG[:PIECE])
    between = [frame(PING, 0, 5), frame(CANCEL, 0, 1), call, frame(CALL, 0, 3, 0, b"\x80")]
    data = b"".join([first, *between, parts[0], *between, *parts[1:]])
    for chunk in (None, 65_537):
        found = parsed(data, chunk)
        assert [each[0] if isinstance(each, tuple) and len(each) == 5 else type(each) for each in found] == [
            *(Ping, Cancel, 2, 3) * 2,
            1,
        ]
        assert found[-1][3] == LONG


def header(length, kind, flags=0, code=0, id=0, extra=0):
    return HEADER.pack(length, kind, flags, code, id, extra)


def first(total, body=b"", flags=0, id=1):
    return frame(CALL, 0, id, 0, struct.pack("<I", total) + body, flags | SPLIT)


def table(*lengths, count=None):
    return struct.pack(f"<{len(lengths) + 1}I", len(lengths) if count is None else count, *lengths)


FAULTS = {
    **{f"kind {kind}": (header(0, kind), f"kind {kind}, which") for kind in (0, 1, 3, 6, 7, 15, 99, 255)},
    **{f"flags {flags}": (header(9, CALL, flags, 0, 1), f"flags {flags}") for flags in (16, 24, 128, 255)},
    "a ping that may spin": (header(0, PING, SPIN), "flags 4"),
    "Welcome that may spin": (header(9, WELCOME, SPIN), "flags 4"),
    "a part that may spin": (header(9, PART_OF_HOST, SPIN, 0, 1), "flags 4"),
    "a ping with a stream": (header(0, PING, STREAM), "flags 8"),
    "credit with a body": (header(1, CREDIT, 0, 0, 1, 5), "with a body"),
    "credit with a code": (header(0, CREDIT, 0, 1, 1, 5), "code 1"),
    "credit that may spin": (header(0, CREDIT, SPIN, 0, 1, 5), "flags 4"),
    "a call of half a session": (frame(CALL, 0, 1, 0, b"\1\0\0", SESSION), "without the number of its session"),
    "a call of a session without a body": (header(0, CALL, SESSION, 0, 1), "without the number of its session"),
    "a call of session 0": (frame(CALL, 0, 1, 0, bytes(4), SESSION), "a session 0, which is no number"),
    "a split call of session 0": (first(9, bytes(4), SESSION), "a session 0, which is no number"),
    "a result with progress": (header(1, HOST_RESULT, WANTS_PROGRESS, 0, 1), "flags 64"),
    "a result of a session": (header(4, HOST_RESULT, SESSION, 0, 1), "flags 32"),
    **{
        f"{name} without a body": (header(0, kind, 0, 0, 1), "without a body")
        for name, kind in {"a result": HOST_RESULT, "a failure": HOST_FAILURE, "an item": HOST_ITEM, "a feed": FEED}.items()
    },
    "a session without a body": (header(0, SESSION_OPEN, 0, 0, 1), "without a body"),
    "the end of a session with a body": (header(1, SESSION_CLOSE, 0, 0, 1), "with a body"),
    "the end of a session with a code": (header(0, SESSION_CLOSE, 0, 1, 1), "code 1"),
    "a result with a code": (header(1, HOST_RESULT, 0, 1, 1), "code 1"),
    "a feed with an extra": (header(1, FEED, 0, 1, 1, 5), "extra 5"),
    "segments of the end of a feed": (header(9, FEED_END, APART, 0, 1), "flags 1"),
    "segments of a failure": (header(9, HOST_FAILURE, APART, 1, 1), "flags 1"),
    "a failure that is no map": (frame(HOST_FAILURE, 1, 1, body=b"\x01"), "no map"),
    "a failure with a field of another type": (frame(HOST_FAILURE, 1, 1, body=b"\x81\xa4type\7"), "of another type"),
    "the end of a feed that is no map": (frame(FEED_END, 0, 1, body=b"\x01"), "no map"),
    "the end of a feed of a type that is no text": (frame(FEED_END, 0, 1, body=b"\x81\xa4type\7"), "type is no text"),
    "a session that is no map": (frame(SESSION_OPEN, 0, 1, body=b"\xa1a"), "no map"),
    "a session whose id is no text": (frame(SESSION_OPEN, 0, 1, body=b"\x81\xa2id\7"), "id is no text"),
    "segments of a ping": (header(0, PING, APART), "flags 1"),
    "segments of Welcome": (header(9, WELCOME, APART), "flags 1"),
    "a split part": (header(9, PART_OF_HOST, SPLIT, 0, 1), "flags 2"),
    "a split ping": (header(9, PING, SPLIT), "with a body"),
    "a long body": (header(PIECE + 1, CALL, 0, 0, 1), "a frame of 1,114,113 bytes"),
    "a very long body": (header(0xFFFFFFFF, CALL, 0, 0, 1), "a frame of 4,294,967,295 bytes"),
    "a long split body": (header(PIECE + 5, CALL, SPLIT, 0, 1), "a frame of 1,114,117 bytes"),
    "a ping with a body": (header(1, PING), "with a body"),
    "a cancel with a body": (header(1, CANCEL), "with a body"),
    "Welcome without a body": (header(0, WELCOME), "without a body"),
    "an empty part": (header(0, PART_OF_HOST, 0, 0, 1), "without a body"),
    "a cancel with another code": (header(0, CANCEL, 0, 2, 1), "code 2"),
    "a ping with a code": (header(0, PING, 0, 1, 1), "code 1"),
    "a ping with an extra": (header(0, PING, 0, 0, 1, 1), "extra 1"),
    "Welcome with an id": (header(1, WELCOME, 0, 0, 1), "id 1"),
    "Welcome that is no map": (frame(WELCOME, body=b"\x01"), "no map"),
    "Welcome that is no msgpack": (frame(WELCOME, body=b"\xc1"), "not msgpack"),
    "Welcome without maxBytes": (frame(WELCOME, body=b"\x80"), "no maxBytes"),
    "a part alone": (frame(PART_OF_HOST, 0, 1, 0, b"x"), "which is not open"),
    "a part of another frame": (first(9, b"x") + frame(PART_OF_HOST, 0, 2, 0, b"x"), "a frame 2, which is not open"),
    "a part too long": (first(3, b"x") + frame(PART_OF_HOST, 0, 1, 0, b"xxx"), "3 bytes where 2 are missing"),
    "two split frames": (first(9, b"x") + first(9, b"x", id=2), "while another was open"),
    "a split frame that is whole": (first(1, b"x"), "split a frame of 1 bytes, 1 of them"),
    "a split frame without bytes of its body": (first(9), "a frame of 4 bytes"),
    "a split frame that is too short": (frame(CALL, 0, 1, 0, b"abc", SPLIT), "a frame of 3 bytes"),
    "a frame with segments that is too short": (frame(CALL, 0, 1, 0, b"abc", APART), "a frame of 3 bytes"),
    "a split frame over the limit": (first((1 << 24) + 1, b"x"), "split a frame of 16,777,217 bytes"),
    "no segment": (frame(CALL, 0, 1, 0, table() + b"\x80", APART), "with 0 segments"),
    "too many segments": (frame(CALL, 0, 1, 0, table(*[1] * 4097) + b"\x80" * 5000, APART), "with 4,097 segments"),
    "a table without room": (frame(CALL, 0, 1, 0, table(1, count=3) + b"\x80", APART), "with 3 segments"),
    "a table with a huge count": (frame(CALL, 0, 1, 0, table(count=0xFFFFFFFF) + b"x", APART), "4,294,967,295 segments"),
    "segments longer than the body": (frame(CALL, 0, 1, 0, table(9) + b"\x80xxxxxxx", APART), "do not add up"),
    "segments without msgpack": (frame(CALL, 0, 1, 0, table(4) + b"xxxx", APART), "do not add up"),
    "an empty segment": (frame(CALL, 0, 1, 0, table(0) + b"\x80", APART), "do not add up"),
    "a table that is not in the first part": (first(99, table(9, count=2), APART), "with 2 segments"),
}


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("name", FAULTS)
def test_what_the_protocol_does_not_allow(name, chunk):
    data, reason = FAULTS[name]
    with pytest.raises(ValueError, match=reason):
        parsed(data, chunk)


def test_a_fault_is_found_before_the_body_has_come():
    for data, _ in FAULTS.values():
        if len(data) == HEADER.size:
            with pytest.raises(ValueError):
                parsed(data)


def test_random_bytes_raise_only_errors_of_the_protocol():
    random_ = random.Random(7)
    pieces = [data for data, _ in FRAMES.values() if len(data) < 1000] + [data for data, _ in FAULTS.values()]
    raised = 0
    for _ in range(5000):
        data = bytearray(b"".join(random_.choices(pieces, k=3)))
        for _ in range(random_.randrange(4)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        try:
            parsed(data, random_.choice([None, 1, 7, 64]))
        except (ValueError, AssertionError):
            raised += 1
    assert 3000 < raised < 5000
