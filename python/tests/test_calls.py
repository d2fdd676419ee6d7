"""Calls: arguments, results, failures, concurrency, cancelling, deadlines."""

from datetime import datetime, timezone
from pathlib import Path

import msgpack
import pytest
from connection import Result
from host import TRANSPORTS, Host, eventually
from terrarium._frames import FailureCode

TOOLS = Path(__file__).resolve().parent / "tools.py"


pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture
def worker(shared, transport):
    with shared.worker(transport, TOOLS) as worker:
        yield worker


def begun(path):
    eventually(f"{path} has begun", lambda: Path(f"{path}.begun").exists())


def test_arguments(worker):
    assert worker.run("add", a=1) == 2
    assert worker.run("add", a=1, b=2, c=3) == 6
    assert worker.value(worker.call("any.names", {"x": 1, "self": 2, "tool": 3})) == ["self", "tool", "x"]
    assert worker.value(worker.call("echo", raw=b"")) is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "missing a required argument: 'a'"),
        ({"a": 1, "d": 2}, "got an unexpected keyword argument 'd'"),
        ({"A": 1}, "missing a required argument: 'a'"),
        ({"a": 1, "aa": 2, "bb": 3}, "got an unexpected keyword argument 'aa'; did you mean 'b' by 'bb'?"),
        ({"aa": 1}, "missing a required argument: 'a'; did you mean 'a' by 'aa'?"),
        ({"a": 1, "x" * 1_000_000: 2}, "got an unexpected keyword argument 'xxx"),
    ],
)
def test_arguments_that_do_not_fit(worker, arguments, message):
    for _ in range(2):
        failure = worker.fail("add", **arguments)
        assert failure.code == FailureCode.INVALID_ARGUMENT
        assert message in failure.message
        assert "add(a: int, b: int = 1, *, c: int = 0)" in failure.message
        assert failure.traceback == ""


def test_positional_arguments(worker):
    assert worker.value(worker.call("add", raw=msgpack.packb([1, 2]))) == 3
    assert worker.value(worker.call("echo", raw=msgpack.packb([]))) is None
    failure = worker.answer(worker.call("add", raw=msgpack.packb([1, 2, 3])))
    assert failure.code == FailureCode.INVALID_ARGUMENT
    assert "add(a: int, b: int = 1, *, c: int = 0) -> int: too many positional arguments" in failure.message


@pytest.mark.parametrize("raw", [b"\xc1", b"\x93\x01", msgpack.packb(7), msgpack.packb({1: 2}), b"\x81\xa1\xff\x01"])
def test_arguments_that_are_no_map_from_strings(worker, raw):
    failure = worker.answer(worker.call("echo", raw=raw))
    assert failure.code == FailureCode.INVALID_ARGUMENT
    assert "argument" in failure.message


def test_a_type_error_of_the_tool_is_not_an_invalid_argument(worker):
    failure = worker.fail("add", a="text")
    assert (failure.code, failure.type) == (FailureCode.PYTHON_ERROR, "TypeError")


@pytest.mark.parametrize("tool", ["fail", "fail_async"])
@pytest.mark.parametrize(
    "kind, type, message",
    [
        ("ValueError", "ValueError", "a bad value in two lines"),
        ("Own", "tools.OwnError", "the exception's text cannot be read: its __str__ raises"),
        ("Inner", "tools.OwnError.Inner", "inner"),
        ("SystemExit", "SystemExit", "0"),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("Surrogate", "ValueError", "\\ud800"),
    ],
)
def test_a_tool_that_raises(worker, tool, kind, type, message):
    failure = worker.fail(tool, kind=kind)
    assert failure.code == FailureCode.PYTHON_ERROR
    assert (failure.type, failure.message) == (type, message)
    frames = [line for line in failure.traceback.splitlines() if line.startswith("  File")]
    assert len(frames) == 2 and all("tools.py" in frame for frame in frames), failure.traceback
    assert worker.run("echo", value=1) == 1


def test_messages_and_tracebacks_are_cut(worker):
    assert len(worker.fail("fail", kind="Long").message) < 10_000
    failure = worker.fail("recurse")
    assert failure.type == "RecursionError"
    assert len(failure.traceback) < 100_000
    assert worker.fail("fail", kind="StopIteration").type == "StopIteration"


def test_the_cause_of_an_exception_is_in_the_traceback(worker):
    failure = worker.fail("fail_with_cause")
    assert failure.type == "LookupError"
    assert "a bad value" in failure.traceback and "direct cause" in failure.traceback


@pytest.mark.parametrize("tool", ["value", "value_async"])
@pytest.mark.parametrize(
    "kind, expected",
    [
        ("tuple", [1, [2]]),
        ("dataclass", {"x": 1, "y": {"x": 2, "y": None}}),
        ("bytes", [b"\x00\xff", b"a", b"b"]),
        ("datetime", datetime(2024, 2, 29, 12, 30, 15, 250000, tzinfo=timezone.utc)),
        ("subclass of datetime", datetime(2024, 1, 1, microsecond=123457, tzinfo=timezone.utc)),
        ("numbers", [0, -1, 2**63, -(2**63), 2**64 - 1, 1.5, True, None]),
        ("int keys", {1: "a", "b": 2}),
        ("subclasses", ["t", {"a": 1}]),
        ("unicode", "ä€🐍"),
    ],
)
def test_values(worker, tool, kind, expected):
    assert worker.run(tool, kind=kind) == expected


@pytest.mark.parametrize("tool", ["value", "value_async"])
@pytest.mark.parametrize(
    "kind, message, type, place",
    [
        ("object", "an object cannot be sent at rows[1].cell", "object", "rows[1].cell"),
        ("class", "a type cannot be sent", "type", ""),
        ("in dataclass", "a complex as an element of a set cannot be sent at [0].y[0]", "complex", "[0].y[0]"),
        ("surrogate", "a str with a lone surrogate, which is no text, cannot be sent at text", "str", "text"),
        ("cyclic", "a circular value, which contains itself, cannot be sent at [0]", "list", "[0]"),
        ("secret", "a tools.Secret cannot be sent at [0]", "tools.Secret", "[0]"),
        ("raises", "reading the value raises at [0].x: ValueError: no x", "", "[0].x"),
        ("exits", "reading the value raises at [0].x: SystemExit: 1", "", "[0].x"),
    ],
)
def test_b7_results_that_cannot_be_sent_have_a_code_a_type_a_place_and_a_hint(worker, tool, kind, message, type, place):
    failure = worker.fail(tool, kind=kind)
    assert failure.code == FailureCode.RESULT_NOT_SENDABLE
    assert (failure.message, failure.type, failure.place) == (f"the result of {tool}: {message}", type, place)
    assert failure.hint.endswith(".") and failure.hint[0].isupper()
    assert ("in __getattribute__" in failure.traceback) == (kind in ("raises", "exits"))
    assert "the secret" not in str(failure)
    assert worker.run("echo", value=1) == 1


@pytest.mark.parametrize("kind", ["deep", "deep dicts"])
def test_b5_deep_nesting_is_refused_with_its_place(worker, kind):
    failure = worker.fail("value", kind=kind)
    assert failure.code == FailureCode.RESULT_NOT_SENDABLE
    assert "a value that is nested more than 500 deep cannot be sent at" in failure.message
    assert 100 < len(failure.place) < 400
    assert worker.run("echo", value=1) == 1


def test_instants_arrive_in_utc(worker):
    at = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
    assert worker.run("kind_of", value=at) == f"datetime {at!r}"


def test_numpy_scalars_are_numbers(host, file):
    source = """
        from numbers import Integral, Real
        from terrarium import tool

        class Int64:
            def __int__(self): return 7

        class Float32:
            def __float__(self): return 1.5

        Integral.register(Int64)  # numpy registers its types in the same way
        Real.register(Float32)

        @tool
        def scalars():
            return {"n": Int64(), "x": [Float32()]}
    """
    assert host.ready(file("t.py", source)).run("scalars") == {"n": 7, "x": [1.5]}


def test_large_values(worker):
    data = bytes(8 * 1024 * 1024)
    assert worker.run("echo", value=data) == data


def test_results_larger_than_a_message(folder, transport):
    host = Host(folder, transport, max_bytes=1_000_000)
    try:
        worker = host.ready(TOOLS)
        assert len(worker.run("blob", size=999_000)) == 999_000
        failure = worker.fail("blob", size=1_000_000)
        assert failure.code == FailureCode.PAYLOAD_TOO_LARGE
        bytes_in_all = {"socket": "1,000,014", "grpc": "1,000,005"}[transport]
        assert f"{bytes_in_all} bytes" in failure.message
        assert failure.hint
        assert worker.run("echo", value=1) == 1
    finally:
        host.close()


def test_sync_tools_run_in_order_of_arrival(worker, folder):
    path = folder / "lines"
    calls = [worker.call("leave_line", {"path": str(path), "line": str(n)}) for n in range(300)]
    for call in calls:
        worker.value(call)
    assert path.read_text().split() == [str(n) for n in range(300)]


def test_async_tools_run_together(worker):
    first, second = worker.call("meet"), worker.call("meet")
    assert (worker.value(first), worker.value(second)) == ("met", "met")


def test_async_tools_run_while_a_sync_tool_does(worker, folder):
    sync = worker.call("wait_for", {"path": str(folder / "a")})
    begun(folder / "a")
    assert worker.run("value_async", kind="tuple") == [1, [2]]
    (folder / "a").touch()
    assert worker.value(sync) == "seen"


def test_pings_are_answered_while_a_tool_runs(worker, folder):
    assert worker.ping(7) == 0
    for tool in ("wait_for", "spin_until"):
        path = folder / tool
        call = worker.call(tool, {"path": str(path)})
        eventually("the pong names the call", lambda: worker.ping() == call)
        path.touch()
        worker.answer(call)
        eventually("the pong names no call", lambda: worker.ping() == 0)


def test_a_queued_call_that_is_cancelled_never_runs(worker, folder):
    running = worker.call("wait_for", {"path": str(folder / "a")})
    begun(folder / "a")
    queued = worker.call("leave_line", {"path": str(folder / "b")})
    worker.cancel(queued)
    worker.cancel(running)  # cannot be interrupted: its result is still sent
    worker.ping()  # by the Pong the Cancel is handled
    (folder / "a").touch()
    assert worker.answer(queued).code == FailureCode.CANCELLED
    assert worker.value(running) == "seen"
    assert not (folder / "b").exists()


def test_a_queued_call_that_is_late_never_runs(worker, folder):
    running = worker.call("wait_for", {"path": str(folder / "a")})
    begun(folder / "a")
    late = worker.call("leave_line", {"path": str(folder / "b")}, timeout_ms=1)
    in_time = worker.call("leave_line", {"path": str(folder / "c")}, timeout_ms=60_000)
    worker.ping()
    later = worker.call("wait_async", {"path": str(folder / "never")}, timeout_ms=50)
    assert worker.answer(later).code == FailureCode.DEADLINE_EXCEEDED  # so 1 ms has passed as well
    (folder / "a").touch()
    failure = worker.answer(late)
    assert failure.code == FailureCode.DEADLINE_EXCEEDED
    assert "before the call began" in failure.message
    worker.value(running)
    worker.value(in_time)
    assert not (folder / "b").exists()


def test_a_running_sync_tool_outlives_its_deadline(worker, folder):
    call = worker.call("wait_for", {"path": str(folder / "a")}, timeout_ms=1)
    answer = worker.call("wait_async", {"path": str(folder / "never")}, timeout_ms=20)
    worker.answer(answer)
    (folder / "a").touch()
    answer = worker.answer(call)
    # Either the tool began before its deadline and has a result, or it never ran.
    assert isinstance(answer, Result) or answer.code == FailureCode.DEADLINE_EXCEEDED


def test_a_coroutine_is_cancelled(worker, folder):
    path = str(folder / "a")
    call = worker.call("wait_async", {"path": path})
    begun(path)
    worker.cancel(call)
    assert worker.answer(call).code == FailureCode.CANCELLED
    assert Path(path + ".cancelled").exists()
    worker.cancel(call)  # the call has ended: ignored
    worker.cancel(99_999)  # there was no such call: ignored
    assert worker.run("echo", value=1) == 1


def test_a_coroutine_is_cancelled_at_its_deadline(worker, folder):
    path = str(folder / "a")
    failure = worker.answer(worker.call("wait_async", {"path": path}, timeout_ms=30))
    assert failure.code == FailureCode.DEADLINE_EXCEEDED
    assert Path(path + ".cancelled").exists()


def test_a_coroutine_that_ignores_its_cancel_has_a_value(worker, folder):
    call = worker.call("wait_async", {"path": str(folder / "a"), "reluctant": True})
    begun(folder / "a")
    worker.cancel(call)
    assert worker.value(call) == "seen"


def test_a_call_and_its_cancel_come_while_another_thread_receives_for_the_main_thread(worker, folder):
    # The stand-in receives from now on, and the main thread waits for a call that it brings.
    path = folder / "go"
    long = worker.call("wait_for", {"path": str(path)})
    eventually("the stand-in receives", lambda: worker.ping() == long)
    path.touch()
    worker.answer(long)
    eventually("the main thread is idle", lambda: worker.ping() == 0)
    # The host makes a call, and takes it back.
    with worker.together():
        call = worker.call("echo", {"value": 1})
        worker.cancel(call)
    worker.answer(call)
    assert worker.run("echo", value=2) == 2


def test_a_call_and_its_cancel_in_one_message(worker, folder):
    arguments = {"path": str(folder / "a")}
    with worker.together():
        call = worker.call("wait_async", arguments)
        worker.cancel(call)
    assert worker.answer(call).code == FailureCode.CANCELLED
    with worker.together():
        call = worker.call("wait_for", arguments)
        worker.cancel(call)
    (folder / "a").touch()
    worker.answer(call)


def test_a_forked_child_that_returns_from_a_tool_is_no_second_worker(worker, folder):
    assert worker.run("fork_and_return", path=str(folder / "child")) == 0
    assert (folder / "child").exists()
    assert worker.run("fork_and_exit") == 3
    assert worker.run("echo", value=1) == 1


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(worker, method):
    assert worker.run("pool_of_processes", method=method) == 49


def test_programs_of_tools_can_be_interrupted(worker):
    assert worker.run("program") == -2


def test_the_output_of_print_reaches_the_host(worker):
    worker.run("say", text="hello ä")
    eventually("the line has come", lambda: worker.worker.output["stdout"].endswith("hello ä\n"))
