"""The fuzz of what a worker reads: mutated frames of a host, for the parsers of the socket lane and of gRPC.

Run as ``python worker_side.py TRANSPORT SEED COUNT ONLY``. Prints a line for each fault, with the number of its case,
and at last one JSON object with counts. ONLY is the number of a case to play alone, or -1.
"""

import gc
import json
import random
import struct
import sys
import time
import tracemalloc

import frames as lane
from terrarium._values._encode import in_one

MOST = 2**28
FRAMES_OF_A_CASE = 6
SLOW = 5.0
"""A case that takes longer hangs, in seconds of the processor."""
LEAK = 3_000_000
"""More memory than this is not noise, in bytes."""


def valid_lane(choose: random.Random):
    """Frames that a host may send, one after the other."""
    out = []
    for id in range(1, FRAMES_OF_A_CASE + 1):
        kind = choose.randrange(9)
        arguments = in_one({"text": "x" * choose.randrange(60), "n": choose.randrange(2**40)})
        flags = choose.choice([0, lane.MAY_SPIN, lane.IS_STREAM, lane.WANTS_PROGRESS])
        session = b""
        if choose.random() < 0.3:
            flags, session = flags | lane.OF_SESSION, struct.pack("<I", 3)
            out.append(lane.frame(lane.SESSION_OPEN, in_one({"id": "a"}), id=3))
        fields = {"code": choose.randrange(3), "extra": choose.choice([0, 5000]), "flags": flags}
        call = lane.frame(lane.CALL, session + arguments, id=id, **fields)
        if kind == 0:
            out.append(lane.frame(lane.PING, id=choose.getrandbits(32)))
        elif kind == 1:
            out.append(lane.frame(lane.CANCEL, id=id, code=choose.randrange(2)))
        elif kind == 2:
            out += lane.split(call, *[choose.randrange(1, 12) for _ in range(choose.randrange(1, 4))])
        elif kind == 3:
            segments = [choose.randbytes(choose.randrange(1, 20)) for _ in range(choose.randrange(1, 4))]
            kind = choose.choice([lane.CALL, lane.CALL, lane.HOST_RESULT, lane.HOST_ITEM, lane.FEED])
            own = flags & lane.OF_SESSION if kind == lane.CALL else 0
            body = (session if own else b"") + lane.apart(arguments, *segments)
            whole = lane.frame(kind, body, id=id, flags=lane.IS_APART | own)
            out += lane.split(whole, choose.randrange(1, 30)) if choose.random() < 0.5 else [whole]
        elif kind <= 6:
            out += tool_frames(choose, id, arguments)
        else:
            out.append(call)
    return out


def tool_frames(choose: random.Random, id, value):
    """Frames for a tool that runs: answers to host calls, feeds, credit, and the end of its session."""
    failure = lane.frame(lane.HOST_FAILURE, in_one({"type": "Error", "message": "no"}), id=id, code=choose.randrange(10))
    end = choose.choice([b"", in_one({"type": "Error", "message": "no"})])
    frames = [
        lane.frame(lane.HOST_RESULT, value, id=id),
        failure,
        lane.frame(lane.HOST_ITEM, value, id=id),
        lane.frame(lane.FEED, value, id=id, code=choose.randrange(3)),
        lane.frame(lane.FEED_END, end, id=id, code=choose.randrange(3)),
        lane.frame(lane.CREDIT, id=id, extra=choose.choice([1, 131_072])),
        lane.frame(lane.SESSION_CLOSE, id=3),
    ]
    one = choose.choice(frames)
    is_long = len(one) > 20 and one[4] != lane.CREDIT
    return lane.split(one, choose.randrange(1, 12)) if is_long and choose.random() < 0.3 else [one]


def plain(each):
    """A frame of the parser as the reader has it; of a map its kind and its id alone."""
    from terrarium import _frames as f

    def of(kind, code=0, extra=0, body=b"", segments=(), flags=0, session=0):
        return kind, code, each.id, extra, flags, session, bytes(body), list(map(bytes, segments))

    match each:
        case f.Call():
            session, progress = (each.extras.session, each.extras.progress) if each.extras else (0, False)
            stream = lane.IS_STREAM if isinstance(each, f.StreamCall) else 0
            flags = stream | (lane.WANTS_PROGRESS if progress else 0)
            return of(lane.CALL, each.tool, each.timeout_ms, each.body, each.segments, flags, session)
        case f.Cancel():
            return of(lane.CANCEL, int(each.unless_begun))
        case f.Ping():
            return lane.PING, 0, each.nonce, 0, 0, 0, b"", []
        case f.Credit():
            return of(lane.CREDIT, extra=each.bytes)
        case f.HostResult() | f.HostItem():
            kind = lane.HOST_RESULT if isinstance(each, f.HostResult) else lane.HOST_ITEM
            return of(kind, body=each.body, segments=each.segments)
        case f.Feed():
            return of(lane.FEED, each.feed, body=each.body, segments=each.segments)
        case f.FeedEnd(_, feed, None):
            return of(lane.FEED_END, feed)
        case f.SessionClose():
            return lane.SESSION_CLOSE, 0, each.number, 0, 0, 0, b"", []
        case f.FeedEnd():
            return f"map {lane.FEED_END}", each.id
        case f.HostFailure():
            return f"map {lane.HOST_FAILURE}", each.id
        case f.SessionOpen():
            return f"map {lane.SESSION_OPEN}", each.number
        case f.Welcome():
            return f"map {lane.WELCOME}", 0
        case f.Refusal():
            return f"map {lane.REFUSED}", 0
    raise AssertionError(f"a frame of {type(each)}")


def run_lane(choose: random.Random):
    """One case: what our parser says of the bytes is what the reader of the page says. Returns the mutated frames."""
    from terrarium._lane_parser import Parser

    frames = valid_lane(choose)
    for _ in range(choose.randrange(1, 3)):
        if frames:
            frames = lane.mutate(frames, choose)
    data = b"".join(frames)
    expected, is_wrong = lane.read(data, MOST)
    parser = Parser()
    parser.max_bytes = MOST
    got, fault = [], None
    at = 0
    try:
        while at < len(data):
            place = parser.place()
            size = min(len(place), len(data) - at, choose.choice([1, 3, 16, 17, 100, 1 << 20]))
            place[:size] = data[at : at + size]
            at += size
            got += parser.arrived(size)
    except ValueError as error:
        fault = str(error)
        assert fault and len(fault) < 500, f"no clear error: {fault!r}"
    seen = list(map(plain, got))
    # Whether a map is one is not the reader's to say.
    names = {kind: f"map {kind}" for kind in lane.MAPS}
    maps = [each for each in expected if each[0] in names and (each[0] != lane.FEED_END or each[6])]
    expected = [(names[each[0]], each[2]) if each in maps else each for each in expected]
    if maps and fault is not None:
        assert seen == expected[: len(seen)], f"{seen} instead of {expected}"
        return len(frames)
    assert (fault is not None) == is_wrong, f"the parser says {fault!r}, the page says {is_wrong}: {data.hex()}"
    # A parser may hand frames on only together with what follows in a chunk, which may be wrong.
    assert seen == (expected[: len(seen)] if is_wrong else expected), f"{seen} instead of {expected}: {data.hex()}"
    return len(frames)


def valid_grpc(choose: random.Random):
    from terrarium.v1 import session_pb2 as wire

    frames = []
    for id in range(1, FRAMES_OF_A_CASE + 1):
        call = wire.Call(id=id, tool="echo", arguments=in_one({"n": choose.randrange(2**40)}), timeout_ms=choose.choice([0, 9]))
        call.session, call.progress, call.stream = choose.randrange(2), choose.random() < 0.5, choose.random() < 0.5
        kinds = [
            {"ping": wire.Ping(nonce=id)},
            {"cancel": wire.Cancel(id=id, unless_begun=True)},
            {"call": call},
            {"credit": wire.Credit(id=id, bytes=9)},
            {"host_result": wire.HostResult(id=id, value=b"\xc0")},
            {"host_failure": wire.HostFailure(id=id, code=1, type="Error", message="no")},
            {"host_item": wire.HostItem(id=id, value=b"\xc0")},
            {"feed": wire.Feed(id=id, feed=1, value=b"\xc0")},
            {"feed_end": wire.FeedEnd(id=id, feed=1, failed=True, type="Error", message="no")},
            {"session_open": wire.SessionOpen(number=id, id="a")},
            {"session_close": wire.SessionClose(number=id)},
        ]
        frames.append(wire.HostFrame(**choose.choice(kinds)))
    return [wire.SessionResponse(seq=n + 1, ack=0, frames=frames[n::2]).SerializeToString() for n in range(2)]


def run_grpc(choose: random.Random):
    """One case: each message is frames, or one clear error."""
    from google.protobuf.message import DecodeError
    from terrarium._frames import HostFrame
    from terrarium._grpc import Grpc
    from terrarium._outbox import Outbox
    from terrarium.v1 import session_pb2 as wire

    messages = lane.mutate(valid_grpc(choose), choose)

    def stream():
        for message in messages:
            yield wire.SessionResponse.FromString(message)

    carrier = object.__new__(Grpc)
    carrier._outbox = Outbox()
    carrier._stream = stream()
    for message in messages:
        try:
            for each in carrier.receive():
                assert isinstance(each, HostFrame), f"a frame of {type(each)}"
        except DecodeError:
            break  # gRPC reports it as the end of the stream
        except EOFError:
            break
        except ValueError as error:
            assert str(error) and len(str(error)) < 500, f"no clear error: {error!r}"
            break
    return FRAMES_OF_A_CASE


def main():
    transport, seed, count, only = sys.argv[1], *map(int, sys.argv[2:5])
    run = {"socket": run_lane, "grpc": run_grpc}[transport]
    faults, frames, case = 0, 0, 0
    first = None
    while frames < count:
        case = case if only < 0 else only
        choose = random.Random(f"{seed} {transport} {case}")
        begun = time.process_time()
        try:
            frames += run(choose)
        except BaseException as error:
            faults += 1
            frames += FRAMES_OF_A_CASE
            print(f"case {case}: {type(error).__name__}: {error}"[:2000], flush=True)
        if time.process_time() - begun > SLOW:
            faults += 1
            print(f"case {case}: took {time.process_time() - begun:.1f} s", flush=True)
        if only >= 0:
            break
        case += 1
        if case == 500:  # what is made once is there
            gc.collect()
            tracemalloc.start()
            first = tracemalloc.get_traced_memory()[0]
    gc.collect()
    grown = 0 if first is None else tracemalloc.get_traced_memory()[0] - first
    if grown > LEAK:
        faults += 1
        print(f"the parser has kept {grown} bytes", flush=True)
    print(json.dumps({"cases": case, "frames": frames, "faults": faults, "grown": grown}))


if __name__ == "__main__":
    main()
