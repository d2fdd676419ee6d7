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

# Leaves a member of its group behind that is known by nothing else, and ends when a line comes.
MEMBER = """
import os, resource, signal, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))
    os.write(tell, b"%d" % os.getpid())
    os.execve("/bin/sleep", ["sleep", "600"], {})
os.read(told, 16)
print("left", flush=True)
time.sleep(600)
"""


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def test_the_group_of_a_process_ends_with_it_also_what_has_no_mark_and_whatever_else_lives(flock):
    other, other_pid = flock.start("sleep", "600")
    leader, pid = flock.python(MEMBER)
    assert flock.line(leader) == "left\n"
    (member,) = children_of(pid)
    assert not is_gone(member)
    os.kill(pid, signal.SIGKILL)
    flock.next("exited", leader)
    eventually("the member of its group is gone", lambda: is_gone(member))
    assert not is_gone(other_pid)
    flock.order(type="signal", spawn=other, signal=signal.SIGKILL, target="process")
    flock.next("exited", other)


def test_a_process_begins_with_the_signals_that_any_program_expects(flock):
    spawn, _ = flock.start("sh", "-c", "grep SigIgn /proc/self/status")
    ignored = int(flock.said(spawn).split()[1], 16)
    # Python itself ignores two of these, and whoever has started the tests may ignore the others.
    expected = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
    assert [number for number in expected if ignored & 1 << (number - 1)] == []
    flock.next("exited", spawn)
