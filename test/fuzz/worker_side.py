"""The fuzz of what a worker reads: mutated frames of a host, for the parsers of the socket lane and of gRPC.

Run as ``python worker_side.py TRANSPORT SEED COUNT ONLY``. Prints a line for each fault, with the number of its case,
and at last one JSON object with counts. ONLY is the number of a case to play alone, or -1.
"""

import gc
import json
import random
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
        kind = choose.randrange(6)
        arguments = in_one({"text": "x" * choose.randrange(60), "n": choose.randrange(2**40)})
        flags = choose.choice([0, lane.MAY_SPIN, lane.IS_STREAM])
        fields = {"code": choose.randrange(3), "extra": choose.choice([0, 5000]), "flags": flags}
        call = lane.frame(lane.CALL, arguments, id=id, **fields)
        if kind == 0:
            out.append(lane.frame(lane.PING, id=choose.getrandbits(32)))
        elif kind == 1:
            out.append(lane.frame(lane.CANCEL, id=id, code=choose.randrange(2)))
        elif kind == 2:
            out += lane.split(call, *[choose.randrange(1, 12) for _ in range(choose.randrange(1, 4))])
        elif kind == 3:
            segments = [choose.randbytes(choose.randrange(1, 20)) for _ in range(choose.randrange(1, 4))]
            whole = lane.frame(lane.CALL, lane.apart(arguments, *segments), id=id, flags=lane.IS_APART)
            out += lane.split(whole, choose.randrange(1, 30)) if choose.random() < 0.5 else [whole]
        else:
            out.append(call)
    return out


def run_lane(choose: random.Random):
    """One case: what our parser says of the bytes is what the reader of the page says. Returns the mutated frames."""
    from terrarium._frames import Call, Cancel, Credit, Ping, Refusal, Welcome
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
    seen = []
    for each in got:
        if isinstance(each, Call):
            seen.append((lane.CALL, each.tool, each.id, each.timeout_ms, bytes(each.body), list(map(bytes, each.segments))))
        elif isinstance(each, Cancel):
            seen.append((lane.CANCEL, int(each.unless_begun), each.id, 0, b"", []))
        elif isinstance(each, Ping):
            seen.append((lane.PING, 0, each.nonce, 0, b"", []))
        elif isinstance(each, Credit):
            seen.append((lane.CREDIT, 0, each.id, each.bytes, b"", []))
        else:
            assert isinstance(each, (Welcome, Refusal)), f"a frame of {type(each)}"
            seen.append(type(each).__name__)
    # Whether the map of a Welcome or a Refused is one is not the reader's to say.
    names = {lane.WELCOME: "Welcome", lane.REFUSED: "Refusal"}
    expected = [names.get(each[0], each) for each in expected]
    if any(each in names.values() for each in expected) and fault is not None:
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
        kinds = [{"ping": wire.Ping(nonce=id)}, {"cancel": wire.Cancel(id=id, unless_begun=True)}, {"call": call}]
        frames.append(wire.HostFrame(**choose.choice(kinds)))
    return [wire.SessionResponse(seq=n + 1, ack=0, frames=frames[n::2]).SerializeToString() for n in range(2)]


def run_grpc(choose: random.Random):
    """One case: each message is frames, or one clear error."""
    from google.protobuf.message import DecodeError
    from terrarium._frames import Call, Cancel, Credit, Ping, Welcome
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
                assert isinstance(each, (Call, Cancel, Credit, Ping, Welcome)), f"a frame of {type(each)}"
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
