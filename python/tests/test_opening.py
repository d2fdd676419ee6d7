"""How a session fails to open, and how a worker exits when its session or its host is gone."""

import signal
from pathlib import Path

import grpc
import pytest
from host import TRANSPORTS, Host, eventually
from lane_host import MAGIC, WELCOME, frame
from terrarium._version import PROTOCOL_VERSION

TOOLS = Path(__file__).resolve().parent / "tools.py"


def refused(folder, transport, status=78, **options):
    host = Host(folder, transport, **options)
    try:
        worker = host.start(TOOLS)
        assert worker.status() == status, worker.output
        return worker.report[-1]
    finally:
        host.close()


@pytest.mark.parametrize(
    "transport, options",
    [
        ("grpc", {"version": 9}),
        ("grpc", {"refusal": (grpc.StatusCode.FAILED_PRECONDITION, "the host speaks version 9 of terrarium.v1")}),
        ("socket", {"first": MAGIC + b"\x09\0\0\0" + frame(WELCOME, body=b"\x80")}),
        ("socket", {"refusal": (1, "the host speaks version 9 of the protocol")}),
    ],
)
def test_a_host_of_another_version(folder, transport, options):
    last = refused(folder, transport, **options)
    assert (last["phase"], last["kind"]) == ("failed", "protocol_mismatch")
    assert "the host speaks version 9 of" in last["message"] and f"speaks {PROTOCOL_VERSION}" in last["message"]
    assert "same release" in last["hint"]


def test_a_host_of_version_1_answers_the_socket_lane_in_http_2(folder):
    host = Host(folder, "grpc")
    try:
        worker = host.start(TOOLS, boot={"transport": "socket"})
        assert worker.status() == 78, worker.output
        last = worker.report[-1]
        assert (last["kind"], last["configuration"]) == ("protocol_mismatch", True)
        assert "the host speaks version 1 of the protocol" in last["message"]
        assert f"speaks {PROTOCOL_VERSION}" in last["message"]
    finally:
        host.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_token_that_is_not_expected(host):
    worker = host.start(TOOLS, boot={"token": "stolen"})
    assert worker.status() == 78
    last = worker.report[-1]
    assert last["kind"] == "token_refused"
    assert "stolen" not in str(last)


def test_a_host_that_refuses_for_another_reason(folder):
    last = refused(folder, "grpc", 75, refusal=(grpc.StatusCode.INTERNAL, "out of order"))
    assert last["kind"] == "session_lost"
    assert "out of order" in last["message"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_socket_without_a_listener(host, folder):
    worker = host.start(TOOLS, boot={"socket": str(folder / "no-listener.sock")})
    assert worker.status() == 75
    assert worker.report[-1]["kind"] == "session_lost"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_socket_with_an_odd_path(folder, transport):
    odd = folder / "a b%41 ä"
    odd.mkdir()
    host = Host(odd, transport)
    try:
        assert host.ready(TOOLS).run("echo", value=1) == 1
    finally:
        host.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("load", ["idle", "waiting", "spinning"])
@pytest.mark.parametrize("how", ["end", "abort"])
def test_a_lost_session_ends_the_worker_at_once(worker, folder, load, how):
    never = str(folder / "never")
    if load != "idle":
        worker.call("wait_for" if load == "waiting" else "spin_until", {"path": never})
        eventually("a call runs", worker.ping)
    getattr(worker, how)()
    assert worker.worker.status() == 75
    assert "the session with the host is lost" in worker.worker.output["stderr"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_that_is_gone(worker, folder):
    worker.call("spin_until", {"path": str(folder / "never")})
    eventually("a call runs", worker.ping)
    worker.worker.close_lifeline()
    assert worker.worker.status() == -signal.SIGKILL
