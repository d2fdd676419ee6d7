"""What processes say, as the shepherd passes it on."""

import signal
from pathlib import Path

from flock import is_gone, state
from host import eventually


def test_all_that_a_process_says_is_told_before_its_end(flock):
    code = """
import os
for number in range(20000):
    os.write(1, b"%d\\n" % number)
    os.write(2 if number % 2 else 4, b"%d\\n" % number)
"""
    spawn, _ = flock.python(code)
    assert flock.next("exited", spawn)["code"] == 0
    for name, numbers in (("stdout", range(20000)), ("stderr", range(1, 20000, 2)), ("report", range(0, 20000, 2))):
        assert flock.said(spawn, name) == "".join(f"{number}\n" for number in numbers)


def test_a_channel_ends_before_the_process_if_that_closes_it(flock):
    spawn, pid = flock.python("import os, time\nos.write(2, b'last')\nos.close(2)\ntime.sleep(600)")
    assert flock.said(spawn, "stderr") == "last"
    assert not is_gone(pid)


def test_a_channel_ends_with_the_process_whoever_holds_it(flock):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    spawn, _ = flock.python(code)
    flock.next("exited", spawn)
    pid = int(flock.said(spawn))
    # It has the pipe still open, or is gone already: what a process has left is ended with it.
    eventually("it is gone", lambda: flock.hello["containment"] == "pidns" or is_gone(pid))


def test_what_is_not_to_flow_holds_its_writer_up_and_nobody_else(flock):
    code = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
os.write(4, b"ready\\n")
signal.sigwait({signal.SIGUSR1})
for _ in range(32):
    os.write(1, b"x" * 32768)
os.write(4, b"written\\n")
"""
    spawn, pid = flock.python(code)
    assert flock.line(spawn, "report") == "ready\n"
    flock.flow(spawn, "stdout", False)
    flock.order(type="signal", spawn=spawn, signal=int(signal.SIGUSR1), target="process")
    eventually("it waits for its pipe", lambda: Path(f"/proc/{pid}/wchan").read_text() in ("pipe_write", "anon_pipe_write"))
    other, _ = flock.start("echo", "said")
    flock.next("exited", other)
    assert flock.said(other) == "said\n"
    assert flock.output(spawn, "stdout") == b""
    flock.flow(spawn, "stdout", True)
    assert flock.line(spawn, "report") == "written\n"
    assert flock.next("exited", spawn)["code"] == 0
    assert flock.said(spawn) == "x" * 1_048_576


def test_a_process_that_has_ended_has_said_what_was_not_to_flow(flock):
    spawn, pid = flock.python("import os, time\nos.write(4, b'ready\\n')\ntime.sleep(600)")
    assert flock.line(spawn, "report") == "ready\n"
    flock.flow(spawn, "stdout", False)
    Path(f"/proc/{pid}/fd/1").write_text("x" * 5000)
    flock.order(type="signal", spawn=spawn, signal=int(signal.SIGKILL), target="process")
    flock.next("exited", spawn)
    assert flock.said(spawn) == "x" * 5000


def test_a_host_that_does_not_read_holds_up_those_who_speak_and_not_the_shepherd(flock):
    flood, flooding = flock.python("import os\nwhile True:\n    os.write(1, b'x' * 65536)")
    silent, pid = flock.start("sleep", "600")
    flock.reads.clear()
    eventually("it waits for its pipe", lambda: Path(f"/proc/{flooding}/wchan").read_text() in ("pipe_write", "anon_pipe_write"))
    shepherd = flock.hello["pid"]
    eventually("the shepherd has nothing to do", lambda: state(shepherd) == "S")
    flock.order(type="signal", spawn=silent, signal=int(signal.SIGKILL), target="process")
    eventually("it is gone", lambda: is_gone(pid))
    (resident,) = [int(line.split()[1]) for line in Path(f"/proc/{shepherd}/status").read_text().splitlines() if line.startswith("VmRSS")]
    assert resident < 40_000
    flock.reads.set()
    assert flock.next("exited", silent)["signal"] == signal.SIGKILL
