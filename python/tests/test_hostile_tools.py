"""Whatever a tool does, its call is answered as documented, and the next one too."""

import sys
from pathlib import Path

import msgpack
import pytest
from host import eventually
from terrarium.v1 import session_pb2 as wire

TOOLS = Path(__file__).resolve().parent / "hostile_tools.py"


@pytest.fixture
def worker(host):
    return host.ready(TOOLS)


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


def test_c7_what_an_exception_of_a_call_sets_is_the_call_s_own(worker):
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
def test_what_a_tool_may_raise(worker, tool, kind, type, message):
    failure = worker.fail(tool, kind=kind)
    assert failure.code == wire.FAILURE_CODE_PYTHON_ERROR
    if (tool, kind) == ("throw_async", "StopIteration"):  # Python itself sees to that
        type, message = "RuntimeError", "coroutine raised StopIteration"
    assert (failure.type, failure.message) == (type, message)
    assert not failure.not_begun
    assert worker.run("see_user") == OF_THE_MODULE
    assert worker.run("see_user_async") == OF_THE_MODULE


def test_c3_a_worker_that_can_answer_nobody_ends_although_a_thread_of_a_tool_goes_on(worker):
    worker.call("trace_and_linger")
    assert worker.worker.status() == 70
    assert "ZeroDivisionError" in worker.worker.output["stderr"]


def test_a_text_of_100_megabytes_is_cut_and_hides_neither_place_nor_message(worker):
    failure = worker.fail("throw", kind="huge text")
    assert len(failure.message) < 10_000
    assert len(failure.traceback) < 70_000
    assert "hostile_tools.py" in failure.traceback.splitlines()[1]
    assert "characters" in failure.traceback
    assert worker.run("see_user") == OF_THE_MODULE


def test_a_sync_tool_that_answers_with_a_coroutine(worker):
    failure = worker.fail("coroutine")
    assert failure.code == wire.FAILURE_CODE_RESULT_NOT_SENDABLE
    assert "Mark an `async def` with @tool" in failure.hint
    assert worker.run("see_user") == OF_THE_MODULE
    worker.worker.terminate()
    assert "never awaited" not in worker.worker.output["stderr"]


def test_a_value_whose_properties_raise(worker):
    assert worker.fail("odd_value").code == wire.FAILURE_CODE_RESULT_NOT_SENDABLE
    assert worker.run("see_user") == OF_THE_MODULE


def test_an_event_loop_that_a_tool_stops_goes_on(worker):
    assert worker.run("stop_loop") == "went on"
    assert worker.run("see_user_async") == OF_THE_MODULE


def test_tasks_that_another_tool_cancels_are_answered_also_before_their_first_step(worker, folder):
    running = worker.call("forever", {"begun": str(folder / "begun")})
    eventually("it runs", (folder / "begun").exists)
    waiting = worker.call("block_loop", {"seconds": 0.2})  # what follows is begun in one step of the loop
    killer = worker.call("cancel_others")
    late = worker.call("forever")
    assert worker.value(killer) is None
    assert worker.value(waiting) == "blocked"
    for call in (running, late):
        failure = worker.answer(call)
        assert (failure.code, failure.type) == (wire.FAILURE_CODE_PYTHON_ERROR, "asyncio.exceptions.CancelledError")


@pytest.mark.parametrize("unless_begun", [False, True])
def test_an_async_call_that_is_cancelled_in_the_message_that_brings_it(worker, unless_begun):
    blocked = worker.call("block_loop", {"seconds": 0.2})
    with worker._changed:  # all in one message
        call = worker.call("forever")
        worker.cancel(call, unless_begun)
    failure = worker.answer(call)
    assert failure.code == wire.FAILURE_CODE_CANCELLED
    assert failure.not_begun
    assert worker.value(blocked) == "blocked"


def test_c5_calls_that_have_not_begun_are_given_back_at_once_while_another_runs(worker, folder):
    running = worker.call("hold", {"path": str(folder / "go")})
    eventually("it runs", (folder / "go.begun").exists)
    waiting = [worker.call("mark", {"path": str(folder / "ran")}) for _ in range(3)]
    worker.cancel(waiting[0])
    worker.cancel(waiting[1], unless_begun=True)
    worker.cancel(running, unless_begun=True)
    for call in waiting[:2]:
        failure = worker.answer(call)
        assert (failure.code, failure.not_begun) == (wire.FAILURE_CODE_CANCELLED, True)
        assert failure.message == "the call was cancelled before it began"
    assert running not in worker.answers
    (folder / "go").touch()
    assert worker.value(running) == "held"
    assert worker.value(waiting[2]) == "marked"
    assert (folder / "ran").read_text() == "ran\n"  # the two that were given back never ran


def test_c5_an_async_call_that_runs_goes_on_when_it_is_asked_back(worker, folder):
    call = worker.call("forever", {"begun": str(folder / "begun")})
    eventually("it runs", (folder / "begun").exists)
    worker.cancel(call, unless_begun=True)
    assert worker.run("see_user_async") == OF_THE_MODULE
    assert call not in worker.answers
    worker.cancel(call)
    failure = worker.answer(call)
    assert (failure.code, failure.not_begun) == (wire.FAILURE_CODE_CANCELLED, False)


def test_what_did_not_begin_says_so(worker, folder):
    running = worker.call("hold", {"path": str(folder / "go")})
    eventually("it runs", (folder / "go.begun").exists)
    late = worker.call("mark", {"path": str(folder / "ran")}, timeout_ms=1)
    stopped = worker.call("mark", {"path": str(folder / "ran")})
    unknown = worker.answer(worker.call("no such tool"))
    assert (unknown.code, unknown.not_begun) == (wire.FAILURE_CODE_TOOL_NOT_FOUND, True)
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


def test_attributes_are_bounded(worker):
    failure = worker.fail("raise_many")
    assert len(failure.attributes) <= 64 * 1024
    assert 1 < len(attributes(failure)) < 10


def test_an_exception_that_is_a_constant_keeps_nothing_of_a_call(worker):
    lengths = {len(worker.fail("raise_constant", secret="s").traceback) for _ in range(3)}
    assert len(lengths) == 1
    assert worker.run("constant_keeps") is False


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has neither groups of exceptions nor notes")
def test_groups_notes_and_causes_are_in_the_traceback(worker):
    failure = worker.fail("fail_in_group")
    for text in ("several", "first", "a note on first", "second", "a note on second", "the cause"):
        assert text in failure.traceback
    assert attributes(failure)["message"] == "several"
