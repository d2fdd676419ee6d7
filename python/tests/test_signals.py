"""D3: application signals are no orders to shepherd, guard process and workers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from host import PATIENCE, eventually
from runtime import SHEPHERD, has_exited, state

sys.path.insert(0, str(SHEPHERD.parent))
from terrarium_shepherd import signals  # noqa: E402

SOURCES = str(SHEPHERD.parent)
OF_APPLICATION = sorted(signals.OF_APPLICATION)

# The beginning of a small worker. The code that a test appends runs with the signals handled.
WORKER = f"""
import os, signal, sys, time
sys.path.insert(0, {SOURCES!r})
from terrarium_shepherd import signals
signals.work_on()
"""


def mask(pid, name):
    """The signals in a mask of /proc/PID/status, such as SigBlk."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:")]
    bits = int(line.split()[1], 16)
    return {number for number in range(1, 65) if bits >> (number - 1) & 1}


def is_sleep(pid):
    return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"


def test_the_application_signals():
    names = {"SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGTSTP"}
    assert {getattr(signal, name) for name in names} <= signals.OF_APPLICATION
    assert signals.ORDER_TO_END not in signals.OF_APPLICATION


def test_d3_shepherd_guard_process_and_worker_go_on(runtime):
    obeys = "signals.on_order_to_end(lambda: sys.exit(3))\n"
    code = WORKER + obeys + "print('up', flush=True)\nwhile True: time.sleep(0.01)"
    spawn, pid = runtime.python(code, obeys="order")
    assert runtime.line(spawn) == "up\n"
    processes = {runtime.process.pid, runtime.hello["pid"], pid}
    for number in OF_APPLICATION:
        for each in processes:
            os.kill(each, number)
    for each in processes:
        eventually("the signals are handled", lambda each=each: mask(each, "ShdPnd") == set())
    eventually("the host is told of them", lambda: sorted(set(runtime.signalled)) == OF_APPLICATION)
    # All three still work: processes are started, and the order to end arrives.
    other, _ = runtime.start("true")
    assert runtime.next("exited", other)["code"] == 0
    assert [state(each) in ("R", "S") for each in processes] == [True] * len(processes)
    runtime.order(type="end", spawn=spawn)
    assert runtime.next("exited", spawn)["code"] == 3
    assert runtime.leave() == 0


def test_d3_sigtstp_stops_neither_shepherd_nor_guard_process(runtime):
    shepherd = runtime.hello["pid"]
    for each in (runtime.process.pid, shepherd):
        os.kill(each, signal.SIGTSTP)
    spawn, _ = runtime.start("echo", "here")
    assert runtime.line(spawn) == "here\n"
    assert runtime.next("exited", spawn)["code"] == 0


def test_d3_signals_wait_until_a_worker_has_its_handlers(runtime, folder):
    go = folder / "go"
    code = f"import os, time\nprint('begun', flush=True)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
    spawn, pid = runtime.python(code + WORKER + "print('worked on', flush=True)", obeys="order")
    assert runtime.line(spawn) == "begun\n"
    for number in OF_APPLICATION:
        os.kill(pid, number)
    go.touch()
    assert runtime.line(spawn) == "worked on\n"
    assert runtime.next("exited", spawn)["code"] == 0


def test_d3_an_order_ends_a_worker_without_handlers_at_once(runtime):
    spawn, _ = runtime.python("import time\nprint('begun', flush=True)\ntime.sleep(600)", obeys="order")
    assert runtime.line(spawn) == "begun\n"
    runtime.order(type="end", spawn=spawn)
    assert runtime.next("exited", spawn)["signal"] == signals.ORDER_TO_END


def test_d3_a_program_is_ended_by_sigterm_and_gets_every_signal_as_usual(runtime):
    spawn, pid = runtime.start("sh", "-c", "echo up; exec sleep 600")
    assert runtime.line(spawn) == "up\n"
    eventually("the program sleeps", lambda: is_sleep(pid))
    for name in ("SigBlk", "SigIgn", "SigCgt"):
        assert mask(pid, name) & {*OF_APPLICATION, signals.ORDER_TO_END} == set()
    runtime.order(type="end", spawn=spawn)
    assert runtime.next("exited", spawn)["signal"] == signal.SIGTERM


STARTS = {
    "os.fork": "pid = os.fork()\nif pid == 0:\n    begin()\n    time.sleep(600)",
    "os.fork in a thread": """
import threading
pids = []
def go():
    pid = os.fork()
    if pid == 0:
        begin()
        time.sleep(600)
    pids.append(pid)
thread = threading.Thread(target=go)
thread.start()
thread.join()
(pid,) = pids""",
    "os.fork and exec": "pid = os.fork()\nif pid == 0: os.execvp('sh', ['sh', '-c', BEGIN])",
    "Popen": "import subprocess\npid = subprocess.Popen(['sh', '-c', BEGIN]).pid",
    "Popen with preexec_fn": "import subprocess\npid = subprocess.Popen(['sh', '-c', BEGIN], preexec_fn=os.getpid).pid",
    "posix_spawn": "pid = os.posix_spawnp('sh', ['sh', '-c', BEGIN], os.environ)",
}


@pytest.mark.parametrize("how", STARTS)
def test_d3_a_process_that_a_worker_starts_gets_every_signal_as_usual(folder, how):
    begun = folder / "begun"
    code = f"""{WORKER}
signals.on_order_to_end(lambda: None)
BEGIN = "touch {begun}; exec sleep 600"
def begin(): open({str(begun)!r}, "x").close()
{STARTS[how]}
print(pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as worker:
        try:
            pid = int(worker.stdout.readline())
            eventually("the process has begun", begun.exists)
            ours = {*OF_APPLICATION, signals.ORDER_TO_END}
            # Python itself turns SIGINT into KeyboardInterrupt.
            is_python = how in ("os.fork", "os.fork in a thread")
            caught = {signal.SIGINT} if is_python else set()
            eventually("the process has become its program", lambda: is_python or is_sleep(pid))
            assert mask(pid, "SigBlk") & ours == mask(pid, "SigIgn") & ours == set()
            assert mask(pid, "SigCgt") & ours == caught
            # The worker itself still handles the signals.
            assert mask(worker.pid, "SigBlk") & ours == set()
            assert mask(worker.pid, "SigCgt") & ours == ours
            os.kill(pid, signal.SIGTERM)
            eventually("the process has exited", lambda: has_exited(pid))
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
