"""The end in order: SIGTERM lets a worker finish what has begun, and nothing else."""

import os
import signal
from pathlib import Path

from host import eventually
from terrarium.v1 import session_pb2 as wire


def stop(worker):
    os.kill(worker.worker.pid, signal.SIGTERM)


def begun(path):
    eventually(f"{path} has begun", lambda: Path(f"{path}.begun").exists())


def test_idle(worker):
    stop(worker)
    assert worker.worker.status() == 0
    assert worker.worker.output["stderr"] == ""


def test_what_has_begun_is_finished_and_nothing_else(worker, folder):
    sync = worker.call("wait_for", {"path": str(folder / "sync")})
    concurrent = worker.call("wait_async", {"path": str(folder / "async")})
    begun(folder / "sync")
    begun(folder / "async")
    queued = worker.call("leave_line", {"path": str(folder / "line")})
    eventually("it is received", lambda: worker.acknowledged_by_worker == worker.sent and not worker._outbox)
    stop(worker)
    (folder / "sync").touch()
    assert worker.value(sync) == "seen"
    assert worker.answer(queued).code == wire.FAILURE_CODE_CANCELLED
    assert worker.worker.process.poll() is None
    (folder / "async").touch()
    assert worker.value(concurrent) == "seen"
    assert worker.worker.status() == 0
    assert not (folder / "line").exists()


def test_results_that_wait_are_delivered(worker, folder):
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


def test_sigint_is_not_for_workers(worker):
    os.kill(worker.worker.pid, signal.SIGINT)
    assert worker.run("echo", value=1) == 1
    stop(worker)
    assert worker.worker.status() == 0
