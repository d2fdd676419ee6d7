"""What a process leaves behind: who may end by itself, who is killed, and who belongs to whom."""

import os
import signal
import sys
from pathlib import Path

import pytest
from flock import is_gone, of_spawn, parent
from host import PATIENCE, eventually

ENDS = {
    "in order": "print('made', flush=True)\nsys.stdin.close()",
    "by a crash": "print('made', flush=True)\nos._exit(1)",
    "killed": "print('made', flush=True)\ntime.sleep(600)",
}

# Holds a pipe whose end is its own, as the resource tracker does; its job begins at that end.
HELPER = """
import os, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    os.close(tell)
    {leave}
    os.read(told, 1)
    time.sleep(0.05)
    open(sys.argv[1], "x").close()
    os._exit(0)
os.close(told)
"""


def end(flock, spawn, how):
    if how == "killed":
        flock.order(type="signal", spawn=spawn, signal=signal.SIGKILL, target="process")
    return flock.next("exited", spawn)


@pytest.mark.parametrize("how", ENDS)
def test_d5_shared_memory_does_not_outlive_its_process(flock, how):
    code = f"""
import os, sys, time
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(create=True, size=4096)
print(memory.name, flush=True)
{ENDS[how]}"""
    spawn, _ = flock.start(sys.executable, "-c", code)
    segment = Path("/dev/shm", flock.line(spawn).strip())
    assert flock.line(spawn) == "made\n"
    assert segment.exists()
    end(flock, spawn, how)
    flock.next("cleared", spawn)
    assert not segment.exists()
    assert of_spawn(spawn) == []


@pytest.mark.parametrize("leave", ["pass", "os.setpgid(0, 0)", "os.setsid()"])
def test_d5_a_helper_whose_job_begins_at_the_end_does_it(flock, folder, leave):
    done = folder / "done"
    spawn, _ = flock.python(HELPER.format(leave=leave) + ENDS["killed"], str(done))
    assert flock.line(spawn) == "made\n"
    end(flock, spawn, "killed")
    flock.next("cleared", spawn)
    assert done.exists()


def test_d5_the_grace_keeps_nobody_alive_who_does_not_end_by_itself(flock):
    stubborn = "import signal\nfor number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
    forks = "for leave in (os.getpid, os.setsid):\n    if os.fork() == 0:\n        leave()\n        time.sleep(600)\n"
    spawn, pid = flock.python("import os, sys, time\n" + stubborn + forks + ENDS["killed"])
    assert flock.line(spawn) == "made\n"
    left = [each for each in of_spawn(spawn) if each != pid]
    assert len(left) == 2
    end(flock, spawn, "killed")
    # Another process is started and ends meanwhile, which neither prolongs the grace nor ends it.
    other = flock.ask("true")
    told = [flock.news.get(timeout=PATIENCE) for _ in range(4)]
    assert {(news["type"], news["spawn"]) for news in told} == {
        ("cleared", spawn),
        *((kind, other) for kind in ("spawned", "exited", "cleared")),
    }
    assert all(map(is_gone, left))


def test_d5_a_host_that_goes_waits_for_no_grace(flock, folder):
    code = "import os, sys, time\nif os.fork() == 0: time.sleep(600)\n" + ENDS["killed"]
    spawn, _ = flock.python(code)
    assert flock.line(spawn) == "made\n"
    end(flock, spawn, "killed")
    assert flock.leave() == 0
    assert of_spawn(spawn) == []


# It sheds its mark: the limit may always be lowered.
UNMARKED = """
import os, resource, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_RTTIME, (1 << 40, 1 << 40))
        print(os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
os.wait()
"""


def test_an_orphan_without_a_mark_is_spared_as_long_as_a_process_lives_that_may_have_left_it(open_flock):
    flock = open_flock("shepherd")
    one, pid = flock.python(UNMARKED + "time.sleep(600)")
    other, other_pid = flock.python("import time\nprint('up', flush=True)\ntime.sleep(600)")
    orphan = int(flock.line(one))
    assert flock.line(other) == "up\n"
    assert of_spawn(one) == [pid]
    eventually("it is left to the shepherd", lambda: parent(orphan) == flock.hello["pid"])
    os.kill(pid, signal.SIGKILL)
    flock.next("exited", one)
    flock.next("cleared", one)
    # Whose it is nobody knows: it may be the other's. Several looks later it is there.
    for _ in range(3):
        spawn, _ = flock.start("true")
        flock.next("exited", spawn)
        flock.next("cleared", spawn)
    assert not is_gone(orphan)
    os.kill(other_pid, signal.SIGKILL)
    flock.next("exited", other)
    eventually("it is gone", lambda: is_gone(orphan), PATIENCE)
