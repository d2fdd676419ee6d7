"""D17: the lock on the folder of a run is held as long as its host, its guard process or its shepherd lives."""

import fcntl
import os
import signal

import pytest
from flock import CONTAINMENTS, is_gone, of_spawn
from host import PATIENCE, eventually


def is_locked(path):
    """By somebody else: asked through a descriptor of one's own."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


@pytest.fixture(params=CONTAINMENTS)
def held(open_flock, folder, request):
    """A shepherd with two folders, as descriptors of the host and as paths."""
    paths = [folder / "run", folder / "sockets"]
    for path in paths:
        path.mkdir()
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    flock = open_flock(request.param, folders=fds)
    if flock.hello["type"] == "unavailable":
        pytest.skip(f"no {request.param} here: {flock.hello['reason']}")
    yield flock, fds, paths
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass  # closed by the test


def test_d17_the_folders_are_locked_and_the_containment_is_noted(held):
    flock, _, (run, sockets) = held
    assert (is_locked(run), is_locked(sockets)) == (True, True)
    assert (run / "held").read_text() == flock.hello["containment"] + "\n"
    assert list(sockets.iterdir()) == []


def test_d17_the_lock_is_there_as_long_as_the_host_or_the_shepherd_lives(held):
    flock, fds, (run, _) = held
    os.kill(flock.hello["pid"], signal.SIGKILL)
    flock.process.wait(PATIENCE)
    # The host has it still.
    assert is_locked(run)
    for fd in fds:
        os.close(fd)
    assert not is_locked(run)


def test_d17_the_lock_outlasts_the_host_as_long_as_the_shepherd_lives_and_no_longer(held):
    flock, fds, (run, _) = held
    spawn, pid = flock.start("sleep", "600")
    for fd in fds:
        os.close(fd)
    assert is_locked(run)
    assert flock.leave() == 0
    assert not is_locked(run)
    assert is_gone(pid)


def test_d17_no_process_of_a_tool_has_the_lock(held):
    flock, fds, (run, _) = held
    spawn, pid = flock.python("import os\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\nos.read(3, 1)")
    assert flock.line(spawn) + flock.line(spawn) == "up\nup\n"
    for each in of_spawn(spawn):
        assert not [fd for fd in os.listdir(f"/proc/{each}/fd") if os.path.samefile(f"/proc/{each}/fd/{fd}", run)]


def test_d2_a_folder_that_is_made_again_is_locked_again(held):
    flock, _, (run, _) = held
    os.unlink(run / "held")
    run.rmdir()
    run.mkdir()
    assert not is_locked(run)
    flock.order(type="hold", folder=str(run))
    eventually("it is locked", lambda: is_locked(run))
    eventually("it is noted", lambda: (run / "held").read_text() == flock.hello["containment"] + "\n")
    # One that is gone again does no harm.
    flock.order(type="hold", folder=str(run / "no such folder"))
    spawn, _ = flock.start("true")
    assert flock.next("exited", spawn)["code"] == 0
