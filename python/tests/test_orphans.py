"""What the shepherd does with processes that come to it, when others live and when none does."""

import os
import signal

from flock import is_gone, parent, state
from host import eventually

# Leaves a daemon behind that has changed the limit that it would be known by, and says its pid on the report.
UNMARKED = """
import os, resource, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))
        os.write(tell, b"%d" % os.getpid())
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
os.read(told, 16)
print("left", flush=True)
time.sleep(600)
"""

# The same, but for its limit.
MARKED = UNMARKED.replace("        resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))\n", "")


def daemons_of(shepherd):
    """Its children that have become `sleep`, and were none of its orders."""
    with open(f"/proc/{shepherd}/task/{shepherd}/children") as file:
        pids = [int(pid) for pid in file.read().split()]
    return [pid for pid in pids if open(f"/proc/{pid}/comm").read() == "sleep\n"]


def test_f8_an_unmarked_orphan_of_a_living_process_lives_until_no_process_does(flock):
    shepherd = flock.hello["pid"]
    mother, mother_pid = flock.python(UNMARKED)
    assert flock.line(mother) == "left\n"
    (daemon,) = eventually("the daemon has come to the shepherd", lambda: daemons_of(shepherd))
    assert parent(daemon) == shepherd
    # Others come and go: it may be of the one that lives.
    for _ in range(10):
        other, _ = flock.start("true")
        flock.next("exited", other)
        flock.next("cleared", other)
    assert not is_gone(daemon)
    os.kill(mother_pid, signal.SIGKILL)
    flock.next("exited", mother)
    eventually("the daemon is gone", lambda: is_gone(daemon))


def test_f8_a_marked_orphan_goes_with_its_own_process_whatever_else_lives(flock):
    shepherd = flock.hello["pid"]
    first, first_pid = flock.python(MARKED)
    assert flock.line(first) == "left\n"
    (one,) = eventually("its daemon has come", lambda: daemons_of(shepherd))
    second, second_pid = flock.python(MARKED)
    assert flock.line(second) == "left\n"
    both = eventually("the other one too", lambda: len(daemons_of(shepherd)) == 2 and daemons_of(shepherd))
    (other,) = [pid for pid in both if pid != one]
    os.kill(first_pid, signal.SIGKILL)
    flock.next("exited", first)
    flock.next("cleared", first)
    assert (is_gone(one), is_gone(other)) == (True, False)
    assert state(second_pid) in ("S", "R")
    os.kill(second_pid, signal.SIGKILL)
    flock.next("exited", second)
    flock.next("cleared", second)
    assert is_gone(other)
