"""A worker whose host breaks the protocol of gRPC exits, and says why on standard error. See test_hostile_lane for the
socket lane."""

import re
from pathlib import Path

import msgpack
import pytest
from host import Host, eventually
from terrarium._frames import FailureCode
from terrarium.v1 import session_pb2 as wire

TOOLS = Path(__file__).resolve().parent / "tools.py"


def frames(*kinds):
    return [wire.HostFrame(**kind) for kind in kinds]


PING = {"ping": wire.Ping(nonce=1)}


def message(connection, *kinds, skip=1, ack=None, number=True):
    """The host's next message, which acknowledges all that was received, with the faults that the arguments make."""
    with connection.changed:
        ack = connection.received if ack is None else ack
        seq = connection.sent + skip if number else 0
        return wire.SessionResponse(seq=seq, ack=ack, frames=frames(*kinds))


def call(id, tool="echo"):
    return {"call": wire.Call(id=id, tool=tool, arguments=msgpack.packb({}))}


FAULTS = {
    "a number that skips": (lambda c: [message(c, PING, skip=3)], r"its message \d+ follows \d+"),
    "a number that is repeated": (lambda c: [message(c, PING, skip=0)], r"its message \d+ follows \d+"),
    "an acknowledgement of the future": (lambda c: [message(c, PING, ack=99)], r"it acknowledges message 99 of \d+"),
    "frames without a number": (lambda c: [message(c, PING, number=False)], "it sent frames without a number"),
    "a number without frames": (lambda c: [message(c)], "it sent a number without frames"),
    "an unknown frame": (lambda c: [message(c, {})], "it sent a frame of a kind that this version does not know"),
    "a frame from the future": (
        lambda c: [message(c, {}).SerializeToString() + b"\x1a\x05\xea\x04\x02hi"],
        "it sent a frame of a kind that this version does not know",
    ),
    "a second Welcome": (lambda c: [message(c, {"welcome": wire.Welcome()})], "it sent a second Welcome"),
    "a call without an id": (lambda c: [message(c, call(0))], "it sent a call with id 0, which is no id"),
    "a call with an id in use": (
        lambda c: [message(c, call(7, "wait_async_for_ever"), call(8, "block"), call(8, "block"))],
        "it sent a call with id 8, which is in use",
    ),
    "garbage": (lambda c: [b"\xff" * 100], "deserializ"),
    "half a message": (lambda c: [message(c, PING).SerializeToString()[:-1]], "deserializ"),
}

SOURCE = """
    import time
    from terrarium import tool

    @tool
    def block():
        time.sleep(60)
"""


@pytest.mark.parametrize("transport", ["grpc"])
@pytest.mark.parametrize("moment", ["idle", "during a call"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_host_that_breaks_the_protocol(host, file, name, moment):
    worker = host.ready(file("t.py", SOURCE))
    if moment == "during a call":
        worker.call("block")
        eventually("the call is with the worker", lambda: worker.acknowledged_by_worker == worker.sent > 1)
    messages, reason = FAULTS[name]
    eventually("all messages are acknowledged", lambda: worker.acknowledged_to_worker == worker.received)
    for each in messages(worker):
        worker.send_raw(each)
    assert worker.worker.status() == 75
    worker.violations.clear()  # the host's own numbers were wrong
    last = worker.worker.output["stderr"].strip().splitlines()[-1]
    assert last.startswith("terrarium: the session with the host is lost: ")
    assert re.search(reason, last), last


@pytest.mark.parametrize(
    "welcome, reason",
    [
        (wire.SessionResponse(seq=1, ack=1, frames=frames(PING)), "the first frame of the host is ping, not Welcome"),
        (wire.SessionResponse(seq=1, ack=1, frames=[wire.HostFrame()]), "the first frame of the host is None"),
        (
            wire.SessionResponse(seq=9, ack=1, frames=frames(PING)),
            "the host breaks the protocol: its message 9 follows 0",
        ),
        (wire.SessionResponse(seq=1, ack=1), "the host breaks the protocol: it sent a number without frames"),
        (b"\xff\xff", "the host cannot be reached: INTERNAL"),
    ],
)
def test_a_host_that_breaks_the_protocol_before_the_session_is_open(folder, welcome, reason):
    host = Host(folder, "grpc", first=welcome)
    try:
        worker = host.start(TOOLS)
        assert worker.status() == 75
        failed = worker.report[-1]
        assert (failed["phase"], failed["kind"]) == ("failed", "session_lost")
        assert reason in failed["message"]
    finally:
        host.close()


@pytest.mark.parametrize("transport", ["grpc"])
def test_an_unknown_tool(worker):
    failure = worker.fail("ech")
    assert failure.code == FailureCode.TOOL_NOT_FOUND
    assert failure.not_begun
    assert "did you mean echo" in failure.message
    assert "there is echo, add, any.names" in worker.fail("zzzzzzzz").message


@pytest.mark.parametrize("transport", ["grpc"])
def test_a_tool_name_may_have_any_size(worker):
    failure = worker.answer(worker.call("x" * 5_000_000))
    assert failure.code == FailureCode.TOOL_NOT_FOUND
    assert len(failure.message) < 1_000
    worker.cancel(4_000_000_000)  # there is no such call: ignored
    assert worker.run("echo", value=1) == 1


@pytest.mark.parametrize("size", [100_000, 50_000_000])
def test_the_texts_of_a_boot_failure_are_cut(host, file, size):
    worker = host.start(file("t.py", f"raise ImportError('x' * {size}, name='y' * {size})"))
    assert worker.status() == 78
    failed = worker.report[-1]
    for key, longest in {"message": 8_200, "hint": 8_200, "module": 8_200, "traceback": 33_000}.items():
        assert len(failed[key]) <= longest
