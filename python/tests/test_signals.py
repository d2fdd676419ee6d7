"""D3: signals that mean the application as a whole are no orders to shepherd, guard process and workers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flock import SHEPHERD, is_gone, state
from host import PATIENCE, eventually

sys.path.insert(0, str(SHEPHERD.parent))
from terrarium_shepherd import signals  # noqa: E402

SOURCES = str(SHEPHERD.parent)
OF_APPLICATION = sorted(signals.OF_APPLICATION)

# A worker in small. What it is told to do, it does when it has the signals.
WORKER = f"""
import os, signal, sys, time
sys.path.insert(0, {SOURCES!r})
from terrarium_shepherd import signals
signals.work_on()
"""


def mask(pid, name):
    """The signals that /proc tells of a process under that name."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:")]
    bits = int(line.split()[1], 16)
    return {number for number in range(1, 65) if bits >> (number - 1) & 1}


def is_sleep(pid):
    return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"


def test_which_signals_they_are():
    names = {"SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGTSTP"}
    assert {getattr(signal, name) for name in names} <= signals.OF_APPLICATION
    assert signals.ORDER_TO_END not in signals.OF_APPLICATION


def test_d3_the_shepherd_its_guard_and_a_worker_work_on(flock):
    code = WORKER + "signals.obey(lambda: sys.exit(3))\nprint('up', flush=True)\nwhile True: time.sleep(0.01)"
    spawn, pid = flock.python(code, obeys="order")
    assert flock.line(spawn) == "up\n"
    everybody = {flock.process.pid, flock.hello["pid"], pid}
    for number in OF_APPLICATION:
        for each in everybody:
            os.kill(each, number)
    for each in everybody:
        eventually("they are handled", lambda each=each: mask(each, "ShdPnd") == set())
    # The host is told of them.
    eventually("they are told", lambda: sorted(set(flock.signalled)) == OF_APPLICATION)
    # Each is as alive as before: starts, passes orders on, and hears them.
    other, _ = flock.start("true")
    assert flock.next("exited", other)["code"] == 0
    assert [state(each) in ("R", "S") for each in everybody] == [True] * len(everybody)
    flock.order(type="end", spawn=spawn)
    assert flock.next("exited", spawn)["code"] == 3
    assert flock.leave() == 0


def test_d3_a_stop_signal_stops_neither_of_them(flock):
    shepherd = flock.hello["pid"]
    for each in (flock.process.pid, shepherd):
        os.kill(each, signal.SIGTSTP)
    spawn, _ = flock.start("echo", "said")
    assert flock.line(spawn) == "said\n"
    assert flock.next("exited", spawn)["code"] == 0


def test_d3_signals_that_come_before_a_worker_has_handlers_wait(flock, folder):
    go = folder / "go"
    code = f"import os, time\nprint('begun', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
    spawn, pid = flock.python(code + WORKER + "print('worked on', flush=True)", obeys="order")
    assert flock.line(spawn) == "begun\n"
    for number in OF_APPLICATION:
        os.kill(pid, number)
    go.touch()
    assert flock.line(spawn) == "worked on\n"
    assert flock.next("exited", spawn)["code"] == 0


def test_d3_an_order_ends_a_worker_that_has_not_begun_at_once(flock):
    spawn, _ = flock.python("import time\nprint('begun', flush=True)\ntime.sleep(600)", obeys="order")
    assert flock.line(spawn) == "begun\n"
    flock.order(type="end", spawn=spawn)
    assert flock.next("exited", spawn)["signal"] == signals.ORDER_TO_END


def test_d3_a_program_is_asked_with_sigterm_and_has_every_signal_as_usual(flock):
    spawn, pid = flock.start("sh", "-c", "echo up; exec sleep 600")
    assert flock.line(spawn) == "up\n"
    eventually("it sleeps", lambda: is_sleep(pid))
    for name in ("SigBlk", "SigIgn", "SigCgt"):
        assert mask(pid, name) & {*OF_APPLICATION, signals.ORDER_TO_END} == set()
    flock.order(type="end", spawn=spawn)
    assert flock.next("exited", spawn)["signal"] == signal.SIGTERM


STARTS = {
    "os.fork": "pid = os.fork()\nif pid == 0:\n    begin()\n    time.sleep(600)",
    "os.fork in a thread": """
import threading
told = []
def go():
    pid = os.fork()
    if pid == 0:
        begin()
        time.sleep(600)
    told.append(pid)
thread = threading.Thread(target=go)
thread.start()
thread.join()
(pid,) = told""",
    "os.fork and exec": "pid = os.fork()\nif pid == 0: os.execvp('sh', ['sh', '-c', BEGIN])",
    "Popen": "import subprocess\npid = subprocess.Popen(['sh', '-c', BEGIN]).pid",
    "Popen with preexec_fn": "import subprocess\npid = subprocess.Popen(['sh', '-c', BEGIN], preexec_fn=os.getpid).pid",
    "posix_spawn": "pid = os.posix_spawnp('sh', ['sh', '-c', BEGIN], os.environ)",
}


@pytest.mark.parametrize("how", STARTS)
def test_d3_what_a_worker_starts_has_every_signal_as_usual(folder, how):
    begun = folder / "begun"
    code = f"""{WORKER}
signals.obey(lambda: None)
BEGIN = "touch {begun}; exec sleep 600"
def begin(): open({str(begun)!r}, "x").close()
{STARTS[how]}
print(pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as worker:
        try:
            pid = int(worker.stdout.readline())
            eventually("it has begun", begun.exists)
            ours = {*OF_APPLICATION, signals.ORDER_TO_END}
            # Python itself turns SIGINT into KeyboardInterrupt.
            is_python = how in ("os.fork", "os.fork in a thread")
            caught = {signal.SIGINT} if is_python else set()
            eventually("it is what it is to be", lambda: is_python or is_sleep(pid))
            assert mask(pid, "SigBlk") & ours == mask(pid, "SigIgn") & ours == set()
            assert mask(pid, "SigCgt") & ours == caught
            # The worker itself is as before.
            assert mask(worker.pid, "SigBlk") & ours == set()
            assert mask(worker.pid, "SigCgt") & ours == ours
            os.kill(pid, signal.SIGTERM)
            eventually("it has ended", lambda: is_gone(pid))
        finally:
            worker.kill()


def test_d3_no_signal_for_a_fork_is_lost(folder):
    code = f"""{WORKER}
for number in range(300):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE).returncode == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_d3_terminate_ends_a_process_of_multiprocessing(file, method):
    script = file(
        f"{method}.py",
        f"""
        import multiprocessing, sys, time
        sys.path.insert(0, {SOURCES!r})
        from terrarium_shepherd import signals
        if __name__ == "__main__":
            signals.work_on()
            process = multiprocessing.get_context({method!r}).Process(target=time.sleep, args=(600,))
            process.start()
            process.terminate()
            process.join({PATIENCE})
            sys.exit(0 if process.exitcode == -15 else f"exit code {{process.exitcode}}")
        """,
    )
    assert subprocess.run([sys.executable, str(script)], timeout=2 * PATIENCE).returncode == 0
