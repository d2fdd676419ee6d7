"""The containment of the shepherd: what each level holds, and which is taken when some are missing."""

import os
import signal
from pathlib import Path

import pytest
from host import PATIENCE, eventually
from runtime import has_exited, of_spawn, state, with_daemon


def test_a_process_in_a_pid_namespace_sees_no_process_outside(open_runtime):
    runtime = open_runtime("pidns")
    if runtime.hello["type"] == "unavailable":
        pytest.skip(f"no PID namespace here: {runtime.hello['reason']}")
    listed = "*sorted(filter(str.isdigit, os.listdir('/proc')), key=int)"
    code = f"import os\nprint(os.getpid(), os.readlink('/proc/self'), {listed})"
    spawn, pid = runtime.python(code)
    runtime.next("exited", spawn)
    own, linked, *visible = runtime.rest(spawn).split()
    assert (own, linked, visible) == (own, own, ["1", own])
    assert int(own) != pid


def test_a_control_group_is_removed_with_its_processes(open_runtime):
    runtime = open_runtime("cgroup")
    if runtime.hello["type"] == "unavailable":
        pytest.skip(f"no control group here: {runtime.hello['reason']}")
    cgroup = Path(runtime.hello["cgroup"])
    inside = sorted(with_daemon(runtime))
    assert sorted(map(int, (cgroup / "cgroup.procs").read_text().split())) == inside
    assert runtime.leave() == 0
    assert not cgroup.exists()


NO_NAMESPACE = "unshare: No space left on device"
NO_CGROUP = "there is no cgroup v2 here"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take containments away")


@pytest.mark.parametrize(
    "wanted, missing, reason",
    [
        ("bastille", (), "there is no such containment"),
        pytest.param("cgroup", ("cgroup",), NO_CGROUP, marks=AS_ROOT),
        pytest.param("pidns", ("pidns",), NO_NAMESPACE, marks=AS_ROOT),
    ],
)
def test_a_missing_containment_is_an_error_if_it_was_demanded(open_runtime, wanted, missing, reason):
    runtime = open_runtime(wanted, missing=missing)
    news = {"type": "unavailable", "version": 7, "containment": wanted, "reason": reason}
    assert (runtime.hello, runtime.process.wait(PATIENCE)) == (news, 78)


@AS_ROOT
@pytest.mark.parametrize(
    "missing, containment, reasons",
    [
        (("cgroup",), "pidns", {}),
        (("pidns",), "cgroup", {"pidns": NO_NAMESPACE}),
        (("pidns", "cgroup"), "shepherd", {"pidns": NO_NAMESPACE, "cgroup": NO_CGROUP}),
    ],
)
def test_auto_takes_the_best_containment_and_says_why_better_are_missing(open_runtime, missing, containment, reasons):
    runtime = open_runtime("auto", missing=missing)
    assert (runtime.hello["containment"], runtime.hello["missing"]) == (containment, reasons)
    spawn, _ = runtime.start("true")
    assert runtime.next("exited", spawn)["code"] == 0


FORKS = """
import os, subprocess, time
pids = [subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"]}).pid]
left, leaves = os.pipe()
for leave in (os.getpid, lambda: os.setpgid(0, 0), os.setsid):
    pid = os.fork()
    if pid == 0:
        leave()
        os.write(leaves, b".")
        time.sleep(600)
    os.read(left, 1)
    pids.append(pid)
print("forked", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("first", ["host", "shepherd"])
@pytest.mark.parametrize("arms", [False, True])
def test_d12_forks_die_when_host_guard_and_shepherd_are_killed_together(runtime, arms, first):
    """``arms``: a worker arms itself once more; the signal must still go to its group."""
    source = str(Path(__file__).resolve().parent.parent / "src")
    arm = f"import sys; sys.path.insert(0, {source!r}); from terrarium_shepherd import arm; arm.arm()" if arms else ""
    spawn, pid = runtime.python(f"{arm}\n{FORKS}")
    assert runtime.line(spawn) == "forked\n"
    family = of_spawn(spawn)
    group = [each for each in family if os.getpgid(each) == pid]
    assert (len(family), len(group)) == (5, 3)
    for each in (runtime.process.pid, runtime.hello["pid"]):
        os.kill(each, signal.SIGSTOP)
        eventually("the process is stopped", lambda each=each: state(each) == "T")
    others = set(family) - set(group)
    # From here on only the kernel can kill the group, whether the host or the shepherd dies first.
    if first == "host":
        runtime.close_lifeline()
        eventually("the group has exited", lambda: all(map(has_exited, group)))
    for each in (runtime.hello["pid"], runtime.process.pid):
        os.kill(each, signal.SIGKILL)
    runtime.process.wait(PATIENCE)
    eventually("the group has exited", lambda: all(map(has_exited, group)))
    if runtime.hello["containment"] == "pidns":
        eventually("the namespace is empty", lambda: all(map(has_exited, others)))
        return
    # The exception: a process that has left the group may be left.
    for each in others:
        if not has_exited(each):
            os.kill(each, signal.SIGKILL)
    cgroup = runtime.hello["cgroup"]
    if cgroup is not None:
        eventually("the control group is empty", lambda: Path(cgroup, "cgroup.procs").read_text() == "")
        os.rmdir(cgroup)
    eventually("the processes have exited", lambda: all(map(has_exited, others)))
