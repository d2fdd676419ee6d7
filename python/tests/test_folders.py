"""D17: the lock on the folder of a run is held as long as its host, its guard process or its shepherd lives."""

import fcntl
import os
import signal

import pytest
from host import PATIENCE, eventually
from runtime import CONTAINMENTS, has_exited, of_spawn


def is_locked(path):
    """Whether another open file holds the lock."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


@pytest.fixture(params=CONTAINMENTS)
def held(open_runtime, folder, request):
    """A shepherd with two folders, as descriptors of the host and as paths."""
    paths = [folder / "run", folder / "sockets"]
    for path in paths:
        path.mkdir()
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    runtime = open_runtime(request.param, folders=fds)
    if runtime.hello["type"] == "unavailable":
        pytest.skip(f"no {request.param} here: {runtime.hello['reason']}")
    yield runtime, fds, paths
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass  # closed by the test


def test_d17_the_folders_are_locked_and_the_containment_is_noted(held):
    runtime, _, (run, sockets) = held
    assert (is_locked(run), is_locked(sockets)) == (True, True)
    assert (run / "held").read_text() == runtime.hello["containment"] + "\n"
    assert list(sockets.iterdir()) == []


def test_d17_the_host_still_has_the_lock_when_the_shepherd_has_exited(held):
    runtime, fds, (run, _) = held
    os.kill(runtime.hello["pid"], signal.SIGKILL)
    runtime.process.wait(PATIENCE)
    # The host still holds the lock.
    assert is_locked(run)
    for fd in fds:
        os.close(fd)
    assert not is_locked(run)


def test_d17_the_lock_is_released_when_host_and_shepherd_have_exited(held):
    runtime, fds, (run, _) = held
    spawn, pid = runtime.start("sleep", "600")
    for fd in fds:
        os.close(fd)
    assert is_locked(run)
    assert runtime.leave() == 0
    assert not is_locked(run)
    assert has_exited(pid)


def test_d17_no_started_process_has_the_folder_open(held):
    runtime, fds, (run, _) = held
    spawn, pid = runtime.python("import os\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\nos.read(3, 1)")
    assert runtime.line(spawn) + runtime.line(spawn) == "up\nup\n"
    for each in of_spawn(spawn):
        assert not [fd for fd in os.listdir(f"/proc/{each}/fd") if os.path.samefile(f"/proc/{each}/fd/{fd}", run)]


def test_d2_a_folder_that_is_made_again_is_locked_again(held):
    runtime, _, (run, _) = held
    os.unlink(run / "held")
    run.rmdir()
    run.mkdir()
    assert not is_locked(run)
    runtime.order(type="hold", folder=str(run))
    eventually("the folder is locked", lambda: is_locked(run))
    note, containment = run / "held", runtime.hello["containment"]
    eventually("the containment is noted", lambda: note.exists() and note.read_text() == f"{containment}\n")
    # A folder that is missing again does no harm.
    runtime.order(type="hold", folder=str(run / "no such folder"))
    spawn, _ = runtime.start("true")
    assert runtime.next("exited", spawn)["code"] == 0
