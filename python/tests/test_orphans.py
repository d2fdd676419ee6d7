"""Orphans that are re-parented to the shepherd: which are killed, and which are spared while other processes run."""

import os
import signal

from host import eventually
from runtime import has_exited, parent, state

# Leaves a daemon behind that has replaced its rlimit tag.
UNTAGGED = """
import os, resource, sys, time
started, write_end = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))
        os.write(write_end, b"%d" % os.getpid())
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
os.read(started, 16)
print("left", flush=True)
time.sleep(600)
"""

# As UNTAGGED, but the daemon keeps its rlimit tag.
TAGGED = UNTAGGED.replace("        resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))\n", "")


def daemons_of(shepherd):
    """The children of the shepherd that have become `sleep`."""
    with open(f"/proc/{shepherd}/task/{shepherd}/children") as file:
        pids = [int(pid) for pid in file.read().split()]
    return [pid for pid in pids if open(f"/proc/{pid}/comm").read() == "sleep\n"]


def test_f8_an_untagged_orphan_is_spared_until_no_process_runs(runtime):
    shepherd = runtime.hello["pid"]
    mother, mother_pid = runtime.python(UNTAGGED)
    assert runtime.line(mother) == "left\n"
    (daemon,) = eventually("the daemon is re-parented to the shepherd", lambda: daemons_of(shepherd))
    assert parent(daemon) == shepherd
    # Other processes start and exit meanwhile. The daemon may belong to the process that still runs.
    for _ in range(10):
        other, _ = runtime.start("true")
        runtime.next("exited", other)
        runtime.next("cleared", other)
    assert not has_exited(daemon)
    os.kill(mother_pid, signal.SIGKILL)
    runtime.next("exited", mother)
    eventually("the daemon has exited", lambda: has_exited(daemon))


def test_f8_a_tagged_orphan_is_killed_with_its_process_while_others_run(runtime):
    shepherd = runtime.hello["pid"]
    first, first_pid = runtime.python(TAGGED)
    assert runtime.line(first) == "left\n"
    (one,) = eventually("its daemon is re-parented", lambda: daemons_of(shepherd))
    second, second_pid = runtime.python(TAGGED)
    assert runtime.line(second) == "left\n"
    both = eventually("the other daemon is too", lambda: len(daemons_of(shepherd)) == 2 and daemons_of(shepherd))
    (other,) = [pid for pid in both if pid != one]
    os.kill(first_pid, signal.SIGKILL)
    runtime.next("exited", first)
    runtime.next("cleared", first)
    assert (has_exited(one), has_exited(other)) == (True, False)
    assert state(second_pid) in ("S", "R")
    os.kill(second_pid, signal.SIGKILL)
    runtime.next("exited", second)
    runtime.next("cleared", second)
    assert has_exited(other)


# Leaves a process behind in its group, without an rlimit tag.
MEMBER = """
import os, resource, signal, sys, time
started, write_end = os.pipe()
if os.fork() == 0:
    resource.setrlimit(resource.RLIMIT_RTTIME, (1000000, 1000000))
    os.write(write_end, b"%d" % os.getpid())
    os.execve("/bin/sleep", ["sleep", "600"], {})
os.read(started, 16)
print("left", flush=True)
time.sleep(600)
"""


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def test_the_group_of_a_process_is_killed_with_it_even_without_rlimit_tag_while_others_run(runtime):
    other, other_pid = runtime.start("sleep", "600")
    leader, pid = runtime.python(MEMBER)
    assert runtime.line(leader) == "left\n"
    (member,) = children_of(pid)
    assert not has_exited(member)
    os.kill(pid, signal.SIGKILL)
    runtime.next("exited", leader)
    eventually("the member of its group has exited", lambda: has_exited(member))
    assert not has_exited(other_pid)
    runtime.order(type="signal", spawn=other, signal=signal.SIGKILL, target="process")
    runtime.next("exited", other)


def test_a_process_starts_with_the_default_signal_actions(runtime):
    spawn, _ = runtime.start("sh", "-c", "grep SigIgn /proc/self/status")
    ignored = int(runtime.rest(spawn).split()[1], 16)
    # Python itself ignores two of these, and the process that started the tests may ignore the others.
    expected = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
    assert [number for number in expected if ignored & 1 << (number - 1)] == []
    runtime.next("exited", spawn)
