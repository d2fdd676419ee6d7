"""Descendants that outlive their process: they may exit by themselves for a grace of 0.5 s, then they are killed."""

import os
import signal
import sys
from pathlib import Path

import pytest
from host import PATIENCE, eventually
from runtime import has_exited, of_spawn, parent
from terrarium_shepherd.spawn import Child

ENDS = {
    "in order": "print('made', flush=True)\nsys.stdin.close()",
    "by a crash": "print('made', flush=True)\nos._exit(1)",
    "killed": "print('made', flush=True)\ntime.sleep(600)",
}

# Forks a helper that does its job when its parent exits, which it sees by the end of a pipe, as the resource tracker.
HELPER = """
import os, sys, time
parent, write_end = os.pipe()
if os.fork() == 0:
    os.close(write_end)
    {leave}
    os.read(parent, 1)
    time.sleep(0.05)
    open(sys.argv[1], "x").close()
    os._exit(0)
os.close(parent)
"""


def end(runtime, spawn, how):
    if how == "killed":
        runtime.order(type="signal", spawn=spawn, signal=signal.SIGKILL, target="process")
    return runtime.next("exited", spawn)


@pytest.mark.parametrize("how", ENDS)
def test_d5_shared_memory_does_not_outlive_its_process(runtime, how):
    code = f"""
import os, sys, time
from multiprocessing import shared_memory
memory = shared_memory.SharedMemory(create=True, size=4096)
print(memory.name, flush=True)
{ENDS[how]}"""
    spawn, _ = runtime.start(sys.executable, "-c", code)
    segment = Path("/dev/shm", runtime.line(spawn).strip())
    assert runtime.line(spawn) == "made\n"
    assert segment.exists()
    end(runtime, spawn, how)
    runtime.next("cleared", spawn)
    assert not segment.exists()
    assert of_spawn(spawn) == []


@pytest.mark.parametrize("leave", ["pass", "os.setpgid(0, 0)", "os.setsid()"])
def test_d5_a_helper_that_works_after_the_exit_of_its_process_can_finish(runtime, folder, leave):
    done = folder / "done"
    spawn, _ = runtime.python(HELPER.format(leave=leave) + ENDS["killed"], str(done))
    assert runtime.line(spawn) == "made\n"
    end(runtime, spawn, "killed")
    runtime.next("cleared", spawn)
    assert done.exists()


def test_d5_a_descendant_that_does_not_exit_in_the_grace_is_killed(runtime):
    stubborn = "import signal\nfor number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
    forks = "for leave in (os.getpid, os.setsid):\n    if os.fork() == 0:\n        leave()\n        time.sleep(600)\n"
    spawn, pid = runtime.python("import os, sys, time\n" + stubborn + forks + ENDS["killed"])
    assert runtime.line(spawn) == "made\n"
    left = [each for each in of_spawn(spawn) if each != pid]
    assert len(left) == 2
    end(runtime, spawn, "killed")
    # Another process starts and exits meanwhile, which neither prolongs the grace nor ends it.
    other = runtime.ask("true")
    received = [runtime.news.get(timeout=PATIENCE) for _ in range(4)]
    assert {(news["type"], news["spawn"]) for news in received} == {
        ("cleared", spawn),
        *((kind, other) for kind in ("spawned", "exited", "cleared")),
    }
    assert all(map(has_exited, left))


@pytest.mark.parametrize(
    "looks, spared",
    [
        ([(0.0, 9.0), (0.4, 9.0), (0.5, 9.0)], [True, True, False]),
        ([(0.0, 9.0), (0.5, 9.3), (0.7, 9.3), (0.9, 9.3)], [True, True, True, False]),
        ([(0.0, 9.0), (0.5, 9.04)], [True, False]),
        ([(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (4.9, 4.9), (5.0, 9.9)], [True, True, True, True, False]),
    ],
)
def test_d5_what_descendants_wait_for_a_processor_is_added_to_the_grace(looks, spared):
    """Looks: the time since the exit, and how long a descendant has waited in its life, in s."""
    child = object.__new__(Child)
    child.deadline, child.last_deadline, child._waited = 0.5, 5.0, None
    assert [child.spares_descendants(now, waited) for now, waited in looks] == spared


def test_d5_there_is_no_grace_when_the_host_is_gone(runtime, folder):
    code = "import os, sys, time\nif os.fork() == 0: time.sleep(600)\n" + ENDS["killed"]
    spawn, _ = runtime.python(code)
    assert runtime.line(spawn) == "made\n"
    end(runtime, spawn, "killed")
    assert runtime.leave() == 0
    assert of_spawn(spawn) == []


# The orphan removes its rlimit tag: a limit may always be lowered.
UNTAGGED = """
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


def test_an_orphan_without_rlimit_tag_is_spared_while_a_process_runs_that_may_have_left_it(open_runtime):
    runtime = open_runtime("shepherd")
    one, pid = runtime.python(UNTAGGED + "time.sleep(600)")
    other, other_pid = runtime.python("import time\nprint('up', flush=True)\ntime.sleep(600)")
    orphan = int(runtime.line(one))
    assert runtime.line(other) == "up\n"
    assert of_spawn(one) == [pid]
    eventually("the orphan is re-parented to the shepherd", lambda: parent(orphan) == runtime.hello["pid"])
    os.kill(pid, signal.SIGKILL)
    runtime.next("exited", one)
    runtime.next("cleared", one)
    # The orphan may belong to the other process. It is still there after several scans.
    for _ in range(3):
        spawn, _ = runtime.start("true")
        runtime.next("exited", spawn)
        runtime.next("cleared", spawn)
    assert not has_exited(orphan)
    os.kill(other_pid, signal.SIGKILL)
    runtime.next("exited", other)
    eventually("the process has exited", lambda: has_exited(orphan), PATIENCE)
