"""The order to end: a worker finishes the calls that have begun, begins no other, and exits with 0."""

import os
import signal
from pathlib import Path

import pytest
from host import PATIENCE, TRANSPORTS, eventually, signals
from terrarium._frames import Failure, FailureCode

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


def stop(worker):
    worker.worker.order_to_end()


def begun(path):
    eventually(f"{path} has begun", lambda: Path(f"{path}.begun").exists())


def test_an_idle_worker_exits_at_once(worker):
    stop(worker)
    assert worker.worker.status() == 0
    assert worker.worker.output["stderr"] == ""


def test_begun_calls_are_finished_and_no_other_begins(worker, folder):
    sync = worker.call("wait_for", {"path": str(folder / "sync")})
    concurrent = worker.call("wait_async", {"path": str(folder / "async")})
    begun(folder / "sync")
    begun(folder / "async")
    queued = worker.call("leave_line", {"path": str(folder / "line")})
    worker.ping()  # by the Pong the call is received
    stop(worker)
    (folder / "sync").touch()
    assert worker.value(sync) == "seen"
    assert worker.answer(queued).code == FailureCode.CANCELLED
    assert worker.worker.process.poll() is None
    (folder / "async").touch()
    assert worker.value(concurrent) == "seen"
    assert worker.worker.status() == 0
    assert not (folder / "line").exists()


def test_a_worker_that_waits_for_its_last_calls_is_still_heard(worker, folder):
    """The worker answers pings, and calls that come are given back, while an async call goes on."""
    running = worker.call("wait_async", {"path": str(folder / "async")})
    begun(folder / "async")
    stop(worker)
    # Calls that come before the order is heard still run.
    eventually("a call is given back", lambda: isinstance(worker.answer(worker.call("echo")), Failure))
    assert worker.ping() == 0
    worker.cancel(running)
    assert worker.answer(running).code == FailureCode.CANCELLED
    assert worker.worker.status() == 0


def test_waiting_results_are_delivered(worker, folder):
    calls = [worker.call("blob", {"size": 200_000}) for _ in range(20)]
    calls.append(worker.call("wait_for", {"path": str(folder / "go")}))
    begun(folder / "go")
    stop(worker)
    (folder / "go").touch()
    for call in calls:
        worker.value(call)
    assert worker.worker.status() == 0


def test_exit_handlers_run(host, file, folder):
    source = f"""
        import atexit
        from pathlib import Path
        from terrarium import tool
        atexit.register(Path({str(folder / "bye")!r}).touch)

        @tool
        def t(): return 1
    """
    worker = host.ready(file("t.py", source))
    stop(worker)
    assert worker.worker.status() == 0
    assert (folder / "bye").exists()


@pytest.mark.parametrize("name", [signal.Signals(number).name for number in sorted(signals.OF_APPLICATION)])
def test_d3_an_application_signal_does_not_end_a_worker(worker, folder, name):
    call = worker.call("wait_for", {"path": str(folder / "go")})
    begun(folder / "go")
    os.kill(worker.worker.pid, getattr(signal, name))
    (folder / "go").touch()
    assert worker.value(call) == "seen"
    assert worker.run("echo", value=1) == 1
    stop(worker)
    assert worker.worker.status() == 0


def test_d3_a_handler_of_the_users_module_does_not_end_a_worker(host, file):
    source = """
        import signal, sys
        from terrarium import tool
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

        @tool
        def t(): return 1
    """
    worker = host.ready(file("t.py", source))
    os.kill(worker.worker.pid, signal.SIGTERM)
    assert worker.run("t") == 1
    stop(worker)
    assert worker.worker.status() == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_d3_terminate_in_a_tool_ends_a_process_that_the_tool_started(host, file, method):
    source = f"""
        import multiprocessing, subprocess, time
        from terrarium import tool

        @tool
        def popen():
            process = subprocess.Popen(["sleep", "600"])
            process.terminate()
            return process.wait({PATIENCE})

        @tool
        def process():
            process = multiprocessing.get_context({method!r}).Process(target=time.sleep, args=(600,))
            process.start()
            process.terminate()
            process.join({PATIENCE})
            return process.exitcode
    """
    worker = host.ready(file("t.py", source))
    assert (worker.run("popen"), worker.run("process")) == (-signal.SIGTERM, -signal.SIGTERM)
