"""Calls of misbehaving tools are answered as documented, and so is the next call of the same worker."""

import sys
from pathlib import Path

import msgpack
import pytest
from host import TRANSPORTS, eventually
from terrarium._frames import FailureCode

TOOLS = Path(__file__).resolve().parent / "hostile_tools.py"


pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture
def worker(shared, transport):
    with shared.worker(transport, TOOLS) as worker:
        yield worker


OF_THE_MODULE = ["of the module", 50]


def attributes(failure):
    if not failure.attributes:
        return {}
    sent = msgpack.unpackb(failure.attributes)
    return {name: msgpack.unpackb(value, timestamp=3, strict_map_key=False) for name, value in sent.items()}


def test_c7_every_call_has_a_context_of_its_own(worker):
    for see in ("see_user", "see_user_async"):
        assert worker.run(see) == OF_THE_MODULE
    for change in ("set_user", "set_user_async"):
        assert worker.run(change, name=change) == [change, 7]
        for see in ("see_user", "see_user_async"):
            assert worker.run(see) == OF_THE_MODULE
    together = [worker.call("set_user_async", {"name": f"user {n}"}) for n in range(8)]
    seen = worker.call("see_user_async")
    assert [worker.value(call) for call in together] == [[f"user {n}", 7] for n in range(8)]
    assert worker.value(seen) == OF_THE_MODULE


def test_c7_user_code_of_an_exception_runs_in_the_context_of_its_call(worker):
    assert attributes(worker.fail("raise_sets_user")) == {"seen": "seen"}
    assert worker.run("see_user") == OF_THE_MODULE


def test_streams_that_a_tool_replaces_or_closes(worker):
    worker.run("replace_streams")
    worker.run("close_stderr")
    assert worker.run("see_user") == OF_THE_MODULE
    assert worker.fail("throw", kind="MemoryError").type == "MemoryError"
    worker.end()
    assert worker.worker.status() == 75


def test_a_tool_that_ends_the_process_in_a_thread(worker):
    worker.call("exit_in_thread", {"status": 7})
    assert worker.worker.status() == 7


@pytest.mark.parametrize("tool", ["throw", "throw_async"])
@pytest.mark.parametrize(
    "kind, type, message",
    [
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("SystemExit", "SystemExit", "3"),
        ("GeneratorExit", "GeneratorExit", ""),
        ("StopIteration", "StopIteration", "7"),
        ("StopAsyncIteration", "StopAsyncIteration", ""),
        ("CancelledError", "asyncio.exceptions.CancelledError", ""),
        ("RecursionError", "RecursionError", ""),
        ("MemoryError", "MemoryError", ""),
        ("text that exits", "hostile_tools.Evil", "the exception's text cannot be read: its __str__ raises"),
        ("text that is interrupted", "hostile_tools.Evil", "the exception's text cannot be read: its __str__ raises"),
        ("text of its own", "hostile_tools.OwnText", "own"),
        ("nasty class", "NastyError", ""),
        ("class of no module", "Homeless", ""),
        ("attributes that raise", "hostile_tools.Closed", "closed"),
    ],
)
def test_a_tool_may_raise_any_exception(worker, tool, kind, type, message):
    failure = worker.fail(tool, kind=kind)
    assert failure.code == FailureCode.PYTHON_ERROR
    if (tool, kind) == ("throw_async", "StopIteration"):  # Python itself converts it
        type, message = "RuntimeError", "coroutine raised StopIteration"
    assert (failure.type, failure.message) == (type, message)
    assert not failure.not_begun
    assert worker.run("see_user") == OF_THE_MODULE
    assert worker.run("see_user_async") == OF_THE_MODULE


def test_c3_a_worker_whose_main_thread_fails_exits_even_if_a_thread_of_a_tool_runs(worker):
    worker.call("trace_and_linger")
    assert worker.worker.status() == 70
    assert "ZeroDivisionError" in worker.worker.output["stderr"]


def test_a_text_of_100_megabytes_is_cut_and_keeps_place_and_message(worker):
    failure = worker.fail("throw", kind="huge text")
    assert len(failure.message) < 10_000
    assert len(failure.traceback) < 70_000
    assert "hostile_tools.py" in failure.traceback.splitlines()[1]
    assert "characters" in failure.traceback
    assert worker.run("see_user") == OF_THE_MODULE


def test_a_sync_tool_that_returns_a_coroutine(worker):
    failure = worker.fail("coroutine")
    assert failure.code == FailureCode.RESULT_NOT_SENDABLE
    assert "Mark an `async def` with @tool" in failure.hint
    assert worker.run("see_user") == OF_THE_MODULE
    worker.worker.terminate()
    assert "never awaited" not in worker.worker.output["stderr"]


def test_a_value_whose_properties_raise(worker):
    assert worker.fail("odd_value").code == FailureCode.RESULT_NOT_SENDABLE
    assert worker.run("see_user") == OF_THE_MODULE


def test_an_event_loop_that_a_tool_stops_goes_on(worker):
    assert worker.run("stop_loop") == "went on"
    assert worker.run("see_user_async") == OF_THE_MODULE


def test_a_call_whose_task_another_tool_cancels_is_answered_even_before_its_first_step(worker, folder):
    running = worker.call("forever", {"begun": str(folder / "begun")})
    eventually("the call runs", (folder / "begun").exists)
    waiting = worker.call("block_loop", {"seconds": 0.2})  # the calls after this begin in one step of the loop
    killer = worker.call("cancel_others")
    late = worker.call("forever")
    assert worker.value(killer) is None
    assert worker.value(waiting) == "blocked"
    for call in (running, late):
        failure = worker.answer(call)
        assert (failure.code, failure.type) == (FailureCode.PYTHON_ERROR, "asyncio.exceptions.CancelledError")


@pytest.mark.parametrize("unless_begun", [False, True])
def test_an_async_call_and_its_cancel_in_one_message(worker, unless_begun):
    blocked = worker.call("block_loop", {"seconds": 0.2})
    with worker.together():
        call = worker.call("forever")
        worker.cancel(call, unless_begun)
    failure = worker.answer(call)
    assert failure.code == FailureCode.CANCELLED
    assert failure.not_begun
    assert worker.value(blocked) == "blocked"


def test_c5_a_cancel_before_its_call_begins_is_answered_while_another_call_runs(worker, folder):
    running = worker.call("hold", {"path": str(folder / "go")})
    eventually("the call runs", (folder / "go.begun").exists)
    waiting = [worker.call("append", {"path": str(folder / "ran")}) for _ in range(3)]
    worker.cancel(waiting[0])
    worker.cancel(waiting[1], unless_begun=True)
    worker.cancel(running, unless_begun=True)
    for call in waiting[:2]:
        failure = worker.answer(call)
        assert (failure.code, failure.not_begun) == (FailureCode.CANCELLED, True)
        assert failure.message == "the call was cancelled before it began"
    assert running not in worker.answers
    (folder / "go").touch()
    assert worker.value(running) == "held"
    assert worker.value(waiting[2]) == "appended"
    assert (folder / "ran").read_text() == "ran\n"  # the two cancelled calls never ran


def test_c5_a_running_async_call_goes_on_after_a_cancel_with_unless_begun(worker, folder):
    call = worker.call("forever", {"begun": str(folder / "begun")})
    eventually("the call runs", (folder / "begun").exists)
    worker.cancel(call, unless_begun=True)
    assert worker.run("see_user_async") == OF_THE_MODULE
    assert call not in worker.answers
    worker.cancel(call)
    failure = worker.answer(call)
    assert (failure.code, failure.not_begun) == (FailureCode.CANCELLED, False)


def test_failures_of_calls_that_did_not_begin_say_so(worker, folder):
    running = worker.call("hold", {"path": str(folder / "go")})
    eventually("the call runs", (folder / "go.begun").exists)
    late = worker.call("append", {"path": str(folder / "ran")}, timeout_ms=1)
    stopped = worker.call("append", {"path": str(folder / "ran")})
    worker.worker.order_to_end()
    (folder / "go").touch()
    assert worker.value(running) == "held"
    assert worker.answer(stopped).not_begun
    assert worker.answer(late).not_begun
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("tool", ["raise_rich", "raise_rich_async"])
def test_attributes_of_an_exception_that_can_be_sent(worker, tool):
    failure = worker.fail(tool, row=3, when=[1, {"a": None}])
    assert failure.type == "hostile_tools.Rich"
    assert attributes(failure) == {
        "args": ["rich", 7],
        "row": 3,
        "when": [1, {"a": None}],
        "computed": {"from": "a property"},
    }


def test_attributes_in_slots_and_of_c_types(worker):
    assert attributes(worker.fail("raise_slotted", row=9)) == {"row": 9}
    missing = attributes(worker.fail("open_missing"))
    assert (missing["errno"], missing["filename"]) == (2, "/nowhere/at all")
    assert attributes(worker.fail("throw", kind="MemoryError")) == {}


def test_the_attributes_of_an_exception_are_limited_in_size(worker):
    failure = worker.fail("raise_many")
    assert len(failure.attributes) <= 64 * 1024
    assert 1 < len(attributes(failure)) < 10


def test_an_exception_that_is_a_constant_keeps_no_traceback(worker):
    lengths = {len(worker.fail("raise_constant", secret="s").traceback) for _ in range(3)}
    assert len(lengths) == 1
    assert worker.run("constant_keeps") is False


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has neither exception groups nor notes")
def test_groups_notes_and_causes_are_in_the_traceback(worker):
    failure = worker.fail("fail_in_group")
    for text in ("several", "first", "a note on first", "second", "a note on second", "the cause"):
        assert text in failure.traceback
    assert attributes(failure)["message"] == "several"
