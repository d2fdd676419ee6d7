"""How a session fails to open, and how a worker exits when its session or its host is gone."""

import signal
from pathlib import Path

import grpc
import pytest
from host import Host, eventually
from terrarium.v1 import session_pb2 as wire

TOOLS = Path(__file__).resolve().parent / "tools.py"


def refused(folder, status=78, **options):
    host = Host(folder, **options)
    try:
        worker = host.start(TOOLS)
        assert worker.status() == status, worker.output
        return worker.report[-1]
    finally:
        host.close()


def test_a_host_of_another_version(folder):
    last = refused(folder, welcome=wire.Welcome(protocol_version=2, max_message_bytes=1000))
    assert (last["phase"], last["kind"]) == ("failed", "protocol_mismatch")
    assert "version 2" in last["message"] and "speaks 1" in last["message"]
    assert "same release" in last["hint"]


def test_a_host_that_refuses_this_version(folder):
    last = refused(folder, refusal=(grpc.StatusCode.FAILED_PRECONDITION, "this host speaks version 9"))
    assert last["kind"] == "protocol_mismatch"
    assert "this host speaks version 9" in last["message"]


def test_a_token_that_is_not_expected(host):
    worker = host.start(TOOLS, boot={"token": "stolen"})
    assert worker.status() == 78
    last = worker.report[-1]
    assert last["kind"] == "token_refused"
    assert "stolen" not in str(last)


def test_a_host_that_refuses_for_another_reason(folder):
    last = refused(folder, 75, refusal=(grpc.StatusCode.INTERNAL, "out of order"))
    assert last["kind"] == "session_lost"
    assert "out of order" in last["message"]


def test_a_socket_without_a_listener(host, folder):
    worker = host.start(TOOLS, boot={"socket": str(folder / "no-listener.sock")})
    assert worker.status() == 75
    assert worker.report[-1]["kind"] == "session_lost"


def test_a_socket_with_an_odd_path(folder):
    odd = folder / "a b%41 ä"
    odd.mkdir()
    host = Host(odd)
    try:
        assert host.ready(TOOLS).run("echo", value=1) == 1
    finally:
        host.close()


@pytest.mark.parametrize("load", ["idle", "waiting", "spinning"])
@pytest.mark.parametrize("how", ["closed", "aborted"])
def test_a_lost_session_ends_the_worker_at_once(worker, folder, load, how):
    never = str(folder / "never")
    if load != "idle":
        worker.call("wait_for" if load == "waiting" else "spin_until", {"path": never})
        pong_says_running(worker)
    if how == "closed":
        worker.end()
    else:
        worker.end(grpc.StatusCode.UNAVAILABLE, "going away")
    assert worker.worker.status() == 75
    assert "the session with the host is lost" in worker.worker.output["stderr"]


def pong_says_running(worker):
    def running():
        worker.send(wire.HostFrame(ping=wire.Ping(nonce=1)))
        return worker.frames.get(timeout=20).pong.running

    eventually("a call runs", running)


def test_a_host_that_is_gone(worker, folder):
    worker.call("spin_until", {"path": str(folder / "never")})
    pong_says_running(worker)
    worker.worker.close_lifeline()
    assert worker.worker.status() == -signal.SIGKILL


@pytest.mark.parametrize("frame", ["unknown", "second welcome"])
def test_a_worker_leaves_a_host_that_breaks_the_protocol(worker, frame):
    worker.send(wire.HostFrame() if frame == "unknown" else wire.HostFrame(welcome=wire.Welcome()))
    assert worker.worker.status() == 75
