"""A session over the socket lane: what goes between the parts of long values, who sends and receives while the main
thread is busy, a host that does not read, and a host that breaks the protocol."""

import os
import signal
import struct
import time
from pathlib import Path

import msgpack
import pytest
from connection import Result
from host import Host, eventually
from lane_host import APART, CALL, CANCEL, MAGIC, PIECE, PING, PONG, PREAMBLE, PART, RESULT, WELCOME
from lane_host import apart, frame, split
from runtime import has_exited
from test_lane_parser import FAULTS

TOOLS = Path(__file__).resolve().parent / "tools.py"


LANE_TOOLS = Path(__file__).resolve().parent / "lane_tools.py"


@pytest.fixture
def worker(shared):
    with shared.worker("socket", LANE_TOOLS) as worker:
        yield worker


@pytest.fixture
def own(host):
    """A worker that the test may end."""
    return host.ready(LANE_TOOLS)


def begun(path):
    eventually(f"{path} has begun", lambda: Path(f"{path}.begun").exists())


def test_neither_grpc_nor_protocol_buffers_nor_asyncio_is_imported(worker):
    assert worker.run("modules") == []


# Long values.


def test_pings_are_answered_between_the_parts_of_a_long_argument(worker):
    data = msgpack.packb({"value": "x" * (8 << 20)})
    call = worker.new_id()
    parts = split(CALL, worker.index("short"), call, 0, data)
    for number, part in enumerate(parts[:-1], 1):
        worker.send_raw(part)
        assert worker.ping(number) == 0
    assert call not in worker.answers
    worker.send_raw(parts[-1])
    assert worker.value(call) == "x" * (8 << 20)


def test_small_frames_go_between_the_parts_of_a_long_result(worker):
    worker.reading.clear()
    worker.order.clear()
    long = worker.call("text", {"size": 8 << 20})
    time.sleep(0.2)  # the worker has begun to send, and cannot go on
    for nonce in range(1, 4):
        worker.send_ping(nonce)
    time.sleep(0.1)  # the stand-in has heard them
    worker.reading.set()
    assert len(worker.value(long)) == 8 << 20
    assert [worker.frames.get(timeout=20).nonce for _ in range(3)] == [1, 2, 3]
    order = worker.order
    assert order.count(PART) == (8 << 20) // PIECE
    last = len(order) - 1 - order[::-1].index(PART)
    assert PONG in order[order.index(RESULT) : last], order


def test_bytes_of_1_mib_come_in_one_frame(worker):
    worker.order.clear()
    assert len(worker.run("text", size=1 << 20)) == 1 << 20
    assert len(worker.run("keep", size=1 << 20)) == 1 << 20
    assert worker.order == [RESULT, RESULT]


@pytest.mark.parametrize("size", [10, 16_384, 16_385, 65_535, 65_536, 1 << 20, (1 << 20) + 1, PIECE, PIECE + 1, 5_000_000])
def test_bytes_of_every_length_come_and_go(worker, size):
    data = os.urandom(size)
    assert worker.run("short", value=data) == data
    assert worker.run("short", value=[data, {"deep": data}]) == [data, {"deep": data}]
    body = msgpack.packb({"value": msgpack.ExtType(8, struct.pack("<I", 0))})
    whole = apart(body, data)
    for piece in {max(1, min(1 << 20, len(whole) // 3)), 1 << 20}:
        call = worker.new_id()
        if len(whole) <= piece:
            frames = [frame(CALL, worker.index("short"), call, 0, whole, APART)]
        else:
            frames = split(CALL, worker.index("short"), call, 0, whole, APART, piece)
        for each in frames:
            worker.send_raw(each)
        assert worker.value(call) == data


def test_the_memory_of_a_result_is_free_again_when_its_call_is_answered(worker):
    assert len(worker.run("keep", size=3_000_000)) == 3_000_000
    assert worker.run("grow") == 3_000_001


# While the main thread is busy.


def test_an_answer_does_not_wait_for_the_call_behind_it(worker, folder):
    """The first call's answer, and that of a call in the middle, come while the last one runs."""
    with worker.together():
        answered = [worker.call("short", {"value": n}) for n in range(3)]
        running = worker.call("long", {"path": str(folder / "go")})
        late = worker.call("short", {"value": 4})
    for number, call in enumerate(answered):
        assert worker.value(call) == number
    assert running not in worker.answers and late not in worker.answers
    (folder / "go").touch()
    assert worker.value(running) == "long"
    assert worker.value(late) == 4


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 17, 40])
def test_other_frames_among_calls_that_come_together_are_handled_in_order(worker, cut):
    body = msgpack.packb({"value": "x" * 30})
    ids = [worker.new_id() for _ in range(6)]
    calls = [frame(CALL, worker.index("short"), id, 0, body) for id in ids]
    # The first two calls run, the third is cancelled before it begins, and the fifth is cut in two.
    cancel = frame(CANCEL, 1, ids[2])
    worker.send_raw(b"".join(calls[:3]) + cancel + calls[3] + frame(PING, id=7) + calls[4][:cut])
    assert worker.frames.get(timeout=20).nonce == 7
    worker.send_raw(calls[4][cut:] + calls[5])
    assert [worker.value(id) for id in (*ids[:2], *ids[3:])] == ["x" * 30] * 5
    assert worker.answer(ids[2]).code == 4


@pytest.mark.parametrize("more", [b"\xc0", b"\xd9", b"\xc1"])
def test_a_call_works_after_one_whose_arguments_are_no_msgpack(worker, more):
    whole = msgpack.packb({"value": "whole"})
    for raw in (whole + more, more + whole, whole[:-1]):
        assert worker.answer(worker.call("short", raw=raw)).code == 3
        assert worker.run("short", value="next") == "next"


def test_calls_that_come_meanwhile_run_in_order(worker, folder):
    running = worker.call("long", {"path": str(folder / "go")})
    begun(folder / "go")
    calls = [worker.call("short", {"value": n}) for n in range(500)]
    worker.ping()
    order = []
    worker.on_answer = lambda answer: order.append(answer.id)
    (folder / "go").touch()
    assert [worker.value(call) for call in calls] == list(range(500))
    assert order == [running, *calls]


# A host that does not read.


def test_a_worker_blocks_while_its_host_does_not_read(own):
    own.reading.clear()
    calls = [own.call("text", {"size": 100_000}) for _ in range(50)]
    status = Path(f"/proc/{own.worker.pid}/task/{own.worker.pid}/wchan")
    time.sleep(0.3)
    assert own.order.count(RESULT) <= 1
    used = memory_of(own.worker.pid)
    assert used < 100_000, f"{used} KiB, {status.read_text()}"
    own.reading.set()
    for call in calls:
        assert len(own.value(call)) == 100_000


def memory_of(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_the_order_to_end_ends_a_worker_whose_host_does_not_read(own):
    own.reading.clear()
    own.call("text", {"size": 8 << 20})
    time.sleep(0.2)  # the main thread is sending
    own.worker.order_to_end()
    assert own.worker.status() == 75
    assert "it does not read" in own.worker.output["stderr"]
    own.reading.set()


def test_the_order_to_end_while_a_result_is_sent_lets_it_arrive(own):
    own.reading.clear()
    call = own.call("text", {"size": 8 << 20})
    time.sleep(0.2)  # the main thread is sending
    own.worker.order_to_end()
    own.reading.set()
    assert len(own.value(call)) == 8 << 20
    assert own.worker.status() == 0


def test_a_host_that_closes_while_a_result_is_sent(own):
    own.reading.clear()
    own.call("text", {"size": 8 << 20})
    time.sleep(0.1)
    own.abort()
    assert own.worker.status() == 75
    own.reading.set()


# The page of begun calls, forks, the end.


def test_a_child_of_a_tool_does_not_hold_the_session(own):
    child = own.run("leave_a_child")
    try:
        os.kill(own.worker.pid, signal.SIGKILL)
        assert own.ended.wait(20)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("transport", ["socket", "grpc"])
def test_a_worker_whose_host_goes_stays_until_its_lifeline_has_ended_its_group(host, own):
    program = own.run("leave_a_program")
    own.abort()
    eventually("the session is lost", lambda: "session with the host is lost" in own.worker.output["stderr"])
    own.worker.close_lifeline()
    try:
        assert own.worker.status() == -signal.SIGKILL
        eventually("the program has exited", lambda: has_exited(program))
    finally:
        if not has_exited(program):
            os.kill(program, signal.SIGKILL)


def words(worker):
    return struct.unpack("<4096I", worker.worker.begun.read_bytes())


@pytest.mark.parametrize("transport", ["socket", "grpc"])
def test_the_page_names_the_calls_that_have_begun(host, folder):
    worker = host.ready(TOOLS)
    worker.call("echo", {"value": 1}, id=4096 + 7)
    worker.call("value_async", {"kind": "tuple"}, id=8)
    running = worker.call("wait_for", {"path": str(folder / "go")}, id=9)
    begun(folder / "go")
    worker.call("echo", {"value": 1}, id=10)
    worker.cancel(11)
    worker.call("wait_async", {"path": str(folder / "go")}, id=12)
    begun(folder / "go")
    eventually("the async call has begun", lambda: words(worker)[12] == 12)
    os.kill(worker.worker.pid, signal.SIGKILL)
    worker.worker.status()
    assert running == 9
    assert [(at, id) for at, id in enumerate(words(worker)) if id] == [(7, 4103), (8, 8), (9, 9), (12, 12)]


def test_a_worker_without_a_page_says_so(host, folder):
    worker = host.ready(TOOLS, boot={"begun": None})
    assert not worker.hello.reports_begun
    assert worker.run("echo", value=1) == 1


# A host that breaks the protocol.


@pytest.mark.parametrize(
    "moment, name",
    [
        *[("idle", name) for name in ("kind 0", "a very long body", "a part alone", "over the limit", "half a header")],
        *[("during a call", name) for name in ("flags 16", "a second Welcome", "a tool that there is not")],
        *[("during a call", name) for name in ("id 0", "an id in use", "half a header")],
    ],
)
def test_a_worker_leaves_a_host_that_breaks_the_protocol(own, folder, name, moment):
    call = frame(CALL, own.index("long"), 7, 0, msgpack.packb({"path": str(folder / "never")}))
    more = {
        "a second Welcome": (frame(WELCOME, body=msgpack.packb({"maxBytes": 1 << 20})), "a second Welcome"),
        "a tool that there is not": (frame(CALL, 9999, 77, 0, b"\x80"), "a call of tool 9999, and there are 8"),
        "id 0": (frame(CALL, 0, 0, 0, b"\x80"), "a call with id 0, which is no id"),
        "an id in use": (call + call, "a call with id 7, which is in use"),
        "over the limit": (frame(CALL, 0, 1, 0, struct.pack("<I", 65 << 20) + b"x", 2), "a frame of 68,157,440 bytes"),
        "half a header": (frame(PING, 0, 1)[:9], "the host closed it"),
    }
    data, reason = (FAULTS | more)[name]
    if moment == "during a call":
        own.call("long", {"path": str(folder / "go")})
        begun(folder / "go")
    own.send_raw(data)
    if name == "half a header":
        own.end()
    assert own.worker.status() == 75
    last = own.worker.output["stderr"].strip().splitlines()[-1]
    assert last.startswith("terrarium: the session with the host is lost: ")
    assert reason in last


@pytest.mark.parametrize(
    "said, status, reason",
    [
        (b"", 75, "closed the session before it was open"),
        (MAGIC, 75, "closed the session before it was open"),
        (PREAMBLE, 75, "closed the session before it was open"),
        (PREAMBLE + frame(PING, 0, 1), 75, "the first frame of the host is Ping, not Welcome"),
        (PREAMBLE + frame(99), 75, "the host breaks the protocol: it sent a frame of kind 99"),
        (PREAMBLE + frame(WELCOME, body=b"\xc1"), 75, "the host breaks the protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n", 78, "the host speaks version 1"),
        (b"TRM", 75, "closed the session before it was open"),
        (b"TRX\x1a\2\0\0\0", 78, "the host speaks version 1"),
        (MAGIC + b"\xff\xff\0\0", 78, "the host speaks version 65535"),
    ],
)
def test_a_host_that_does_not_welcome(folder, said, status, reason):
    host = Host(folder, "socket", first=said)
    try:
        worker = host.start(TOOLS)
        connection = eventually("the worker has connected", lambda: worker.connection)
        connection.end()
        assert worker.status() == status
        failed = worker.report[-1]
        assert failed["kind"] == ("session_lost" if status == 75 else "protocol_mismatch")
        assert reason in failed["message"]
    finally:
        host.close()


def test_a_host_that_breaks_the_protocol_right_behind_its_welcome(folder):
    welcome = frame(WELCOME, body=msgpack.packb({"maxBytes": 1 << 20}))
    host = Host(folder, "socket", first=PREAMBLE + welcome + welcome)
    try:
        worker = host.start(TOOLS)
        assert worker.status() == 75
        last = worker.output["stderr"].strip().splitlines()[-1]
        assert last.endswith("is lost: ValueError: it sent a second Welcome")
    finally:
        host.close()


def test_a_cancel_of_a_call_that_is_not_open_is_ignored(worker):
    worker.cancel(4_000_000_000)
    assert isinstance(worker.answer(worker.call("short")), Result)
