"""Workers whose tools are all async: over the socket lane their event loop runs on the main thread and reads there."""

import time
from pathlib import Path

import pytest
from host import TRANSPORTS, eventually
from terrarium._frames import FailureCode

TOOLS = Path(__file__).resolve().parent / "async_tools.py"
OF_THE_MODULE = ["of the module", 50]

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


@pytest.fixture
def worker(shared, transport):
    with shared.worker(transport, TOOLS) as worker:
        yield worker


@pytest.fixture
def own(host):
    """A worker of the test's own, which it may end."""
    return host.ready(TOOLS)


def test_the_loop_runs_on_the_main_thread_over_the_socket_lane(worker, transport):
    on_main, threads = worker.run("where")
    assert on_main == (transport == "socket")
    assert threads <= 2 or transport == "grpc"


def test_every_call_has_a_context_of_its_own(worker):
    assert worker.run("set_user", name="one") == ["one", 7]
    calls = [worker.call("set_user", {"name": f"user {n}"}) for n in range(8)]
    assert [worker.value(call) for call in calls] == [[f"user {n}", 7] for n in range(8)]
    assert worker.run("see_user") == OF_THE_MODULE


def test_the_first_step_runs_in_the_task_of_the_call(worker):
    assert worker.run("task_of_the_first_step") == [True, True, True, True]
    assert worker.run("time_out") == "timed out"
    assert worker.run("group") == "cancelled"
    assert worker.run("nested") == ["own", 0, 1, 2]
    failure = worker.fail("cancel_itself")
    assert (failure.code, failure.type) == (FailureCode.PYTHON_ERROR, "asyncio.exceptions.CancelledError")


def test_many_calls_are_each_answered(worker):
    calls = [worker.call("echo", {"value": n}) for n in range(2000)]
    assert [worker.value(call) for call in calls] == list(range(2000))


def test_arguments_that_do_not_fit(worker):
    failure = worker.fail("echo", wrong=1)
    assert (failure.code, failure.not_begun) == (FailureCode.INVALID_ARGUMENT, True)


@pytest.mark.parametrize("kind, type", [("SystemExit",) * 2, ("KeyboardInterrupt",) * 2, ("Value", "ValueError")])
def test_an_exception_ends_the_call_and_not_the_worker(worker, kind, type):
    assert worker.fail("throw", kind=kind).type == type
    assert worker.run("see_user") == OF_THE_MODULE


def test_a_task_that_exits_does_not_end_the_worker(worker):
    worker.run("leave_a_task_that_exits")
    assert worker.run("stop_loop") == "went on"
    assert worker.run("echo", value=1) == 1


def test_a_call_is_cancelled(worker, folder):
    call = worker.call("forever", {"begun": str(folder / "begun")})
    eventually("the call runs", (folder / "begun").exists)
    worker.cancel(call, unless_begun=True)
    assert worker.ping() == 0
    assert call not in worker.answers
    worker.cancel(call)
    failure = worker.answer(call)
    assert (failure.code, failure.not_begun) == (FailureCode.CANCELLED, False)


def test_a_call_and_its_cancel_that_arrive_together(worker):
    with worker.together():
        call = worker.call("forever")
        worker.cancel(call)
        other = worker.call("echo", {"value": 2})
    failure = worker.answer(call)
    assert failure.code == FailureCode.CANCELLED
    assert worker.value(other) == 2


def test_a_call_is_cancelled_at_its_deadline(worker):
    failure = worker.answer(worker.call("forever", timeout_ms=30))
    assert (failure.code, failure.not_begun) == (FailureCode.DEADLINE_EXCEEDED, False)
    assert worker.run("echo", timeout_ms=60_000, value=1) == 1


@pytest.mark.parametrize("tool", ["block", "block_later"])
def test_while_a_tool_blocks_the_loop_the_worker_is_still_heard(worker, folder, tool):
    """Pings are answered, a call that is cancelled before it begins is answered, and a late call never begins."""
    blocked = worker.call(tool, {"path": str(folder / "go")})
    eventually("the loop is blocked", (folder / "go.begun").exists)
    worker.ping()
    waiting = worker.call("append", {"path": str(folder / "ran")})
    late = worker.call("append", {"path": str(folder / "ran")}, timeout_ms=1)
    worker.cancel(waiting, unless_begun=True)
    failure = worker.answer(waiting)
    assert (failure.code, failure.not_begun) == (FailureCode.CANCELLED, True)
    time.sleep(0.002)  # the time of the late call passes, which came before the cancel
    (folder / "go").touch()
    assert worker.value(blocked) == "blocked"
    failure = worker.answer(late)
    assert (failure.code, failure.not_begun) == (FailureCode.DEADLINE_EXCEEDED, True)
    assert not (folder / "ran").exists()


def test_forks_and_programs(worker):
    assert worker.run("fork") == 4
    assert worker.run("fork_and_return") == 0
    assert worker.run("fork_and_exit") == 3
    assert worker.run("run_program") == 0


def test_long_results_and_arguments(worker):
    data = bytes(range(256)) * 12_000
    assert worker.run("echo", value=data) == data
    assert len(worker.run("blob", size=20_000_000)) == 20_000_000


def test_the_order_to_end_lets_begun_calls_end(own, folder):
    running = own.call("block", {"path": str(folder / "go")})
    forever = own.call("forever", {"begun": str(folder / "begun")})
    eventually("the loop is blocked", (folder / "go.begun").exists)
    own.worker.order_to_end()
    (folder / "go").touch()
    assert own.value(running) == "blocked"
    # The other call has begun if the order was heard after it.
    eventually("the other call ends or begins", lambda: forever in own.answers or (folder / "begun").exists())
    own.cancel(forever)
    answer = own.answer(forever)
    assert answer.code == FailureCode.CANCELLED
    assert own.worker.status() == 0
    assert own.worker.output["stderr"] == ""


def test_an_idle_worker_exits_at_once(own):
    own.run("leave_a_task")
    assert own.worker.terminate() == 0
    assert own.worker.output["stderr"] == ""


@pytest.mark.parametrize("how", ["end", "abort"])
def test_a_lost_session_ends_the_worker(own, folder, how):
    own.call("block", {"path": str(folder / "never")})
    eventually("the loop is blocked", (folder / "never.begun").exists)
    getattr(own, how)()
    assert own.worker.status() == 75
