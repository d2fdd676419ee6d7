"""The two guards of ``arm``, lifeline and parent-death signal, each without the other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from host import SOURCES, eventually
from runtime import has_exited, state

EXIT_HOST_GONE = 97

# A host that starts a process, prints its pid, and stays. Arguments: the descriptor of the process's lifeline, the path
# of the sources, and optionally the host's pid that the process is to assume.
HOST = """
import os, subprocess, sys, time
lifeline = int(sys.argv[1])
armed = "import os, sys, time\\nsys.path.insert(0, sys.argv[1])\\nfrom terrarium_shepherd import arm\\n" \\
    "arm.arm(int(sys.argv[2]), int(sys.argv[3]))\\nprint('armed', flush=True)\\ntime.sleep(600)"
host_pid = sys.argv[3] if len(sys.argv) > 3 else str(os.getpid())
child = subprocess.Popen(
    [sys.executable, "-I", "-S", "-c", armed, sys.argv[2], str(lifeline), host_pid],
    pass_fds=[lifeline], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def armed():
    """A function that starts a host with an armed process; returns the host, the pid and the lifeline's write end."""
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
        eventually("no process is left", lambda: all(map(has_exited, pids)))


def test_f8_a_process_exits_with_its_host_even_if_its_lifeline_stays_open(armed):
    host, pid, _ = armed()
    assert not has_exited(pid)
    os.kill(pid, signal.SIGSTOP)
    eventually("the process is stopped", lambda: state(pid) == "T")
    host.kill()
    eventually("the process has exited", lambda: has_exited(pid))


def test_f8_a_process_exits_with_its_lifeline_even_if_its_host_lives(armed):
    host, pid, held = armed()
    os.kill(pid, signal.SIGSTOP)
    eventually("the process is stopped", lambda: state(pid) == "T")
    os.close(held)
    eventually("the process has exited", lambda: has_exited(pid))
    assert host.poll() is None


def test_f8_a_process_does_not_exit_with_a_wrapper_that_is_not_its_host(armed):
    wrapper, pid, _ = armed(host_pid=os.getpid())
    wrapper.kill()
    wrapper.wait()
    status = Path(f"/proc/{pid}/status")
    eventually("the process has another parent", lambda: f"PPid:\t{wrapper.pid}\n" not in status.read_text())
    os.kill(pid, signal.SIGSTOP)
    eventually("the process lives", lambda: state(pid) == "T")
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", ["closed", "missing"])
def test_f8_without_an_open_lifeline_nothing_runs(end):
    lifeline, held = os.pipe()
    os.close(held)
    if end == "missing":
        os.close(lifeline)
    arm = f"from terrarium_shepherd import arm\narm.arm({lifeline}, 1)\n"
    script = f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n{arm}print('runs')"
    fds = [] if end == "missing" else [lifeline]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], pass_fds=fds, capture_output=True, text=True)
    if end == "closed":
        os.close(lifeline)
    assert (done.returncode, done.stdout) == (EXIT_HOST_GONE, "")
    assert ("the host is gone" if end == "closed" else "no lifeline on descriptor") in done.stderr
