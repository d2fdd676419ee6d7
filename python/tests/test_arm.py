"""The two guards of ``arm``, each without the other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flock import is_gone, state
from host import SOURCES, eventually

EXIT_HOST_GONE = 97

# A host that starts a process of its own, says its pid, and stays. The descriptor in its argument is the process's
# lifeline.
HOST = """
import os, subprocess, sys, time
lifeline = int(sys.argv[1])
armed = "import os, sys, time\\nsys.path.insert(0, sys.argv[1])\\nfrom terrarium_shepherd import arm\\n" \\
    "arm.arm(int(sys.argv[2]), int(sys.argv[3]))\\nprint('armed', flush=True)\\ntime.sleep(600)"
child = subprocess.Popen(
    [sys.executable, "-I", "-S", "-c", armed, sys.argv[2], str(lifeline), sys.argv[3] if len(sys.argv) > 3 else str(os.getpid())],
    pass_fds=[lifeline], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def armed():
    """Starts a host with an armed process; answers both, and what closes the lifeline."""
    hosts, pids, ends = [], [], []

    def start(host_pid=None):
        lifeline, held = os.pipe()
        ends.append(held)
        more = [] if host_pid is None else [str(host_pid)]
        host = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", HOST, str(lifeline), str(SOURCES), *more],
            pass_fds=[lifeline],
            stdout=subprocess.PIPE,
        )
        hosts.append(host)
        os.close(lifeline)
        pids.append(int(host.stdout.readline()))
        return host, pids[-1], held

    try:
        yield start
    finally:
        for host in hosts:
            host.kill()
            host.wait()
            host.stdout.close()
        for end in ends:
            try:
                os.close(end)
            except OSError:
                pass  # closed by the test
        eventually("nothing is left", lambda: all(map(is_gone, pids)))


def test_f8_the_death_of_the_host_ends_a_process_whose_lifeline_somebody_else_holds(armed):
    host, pid, _ = armed()
    assert not is_gone(pid)
    os.kill(pid, signal.SIGSTOP)
    eventually("it is stopped", lambda: state(pid) == "T")
    host.kill()
    eventually("the process is gone", lambda: is_gone(pid))


def test_f8_the_end_of_the_lifeline_ends_a_process_whose_host_lives(armed):
    host, pid, held = armed()
    os.kill(pid, signal.SIGSTOP)
    eventually("it is stopped", lambda: state(pid) == "T")
    os.close(held)
    eventually("the process is gone", lambda: is_gone(pid))
    assert host.poll() is None


def test_f8_the_death_of_a_wrapper_is_not_the_death_of_the_host(armed):
    wrapper, pid, _ = armed(host_pid=os.getpid())
    wrapper.kill()
    wrapper.wait()
    eventually("it has another parent", lambda: Path(f"/proc/{pid}/status").read_text().find(f"PPid:\t{wrapper.pid}\n") < 0)
    os.kill(pid, signal.SIGSTOP)
    eventually("it lives", lambda: state(pid) == "T")
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", ["closed", "missing"])
def test_f8_without_a_lifeline_that_is_held_nothing_runs(end):
    lifeline, held = os.pipe()
    os.close(held)
    if end == "missing":
        os.close(lifeline)
    script = f"import sys; sys.path.insert(0, {str(SOURCES)!r})\nfrom terrarium_shepherd import arm\narm.arm({lifeline}, 1)\nprint('runs')"
    fds = [] if end == "missing" else [lifeline]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], pass_fds=fds, capture_output=True, text=True)
    if end == "closed":
        os.close(lifeline)
    assert (done.returncode, done.stdout) == (EXIT_HOST_GONE, "")
    assert ("the host is gone" if end == "closed" else "no lifeline on descriptor") in done.stderr
