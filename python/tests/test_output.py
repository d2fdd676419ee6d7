"""The output of processes, as the shepherd relays it to the host."""

import signal
from pathlib import Path

from host import eventually
from runtime import has_exited, state


def waits_for_its_pipe(pid):
    return Path(f"/proc/{pid}/wchan").read_text() in ("pipe_write", "anon_pipe_write")


def test_all_output_of_a_process_comes_before_its_exit(runtime):
    code = """
import os
for number in range(20000):
    os.write(1, b"%d\\n" % number)
    os.write(2 if number % 2 else 4, b"%d\\n" % number)
"""
    spawn, _ = runtime.python(code)
    assert runtime.next("exited", spawn)["code"] == 0
    for name, numbers in (("stdout", range(20000)), ("stderr", range(1, 20000, 2)), ("report", range(0, 20000, 2))):
        assert runtime.rest(spawn, name) == "".join(f"{number}\n" for number in numbers)


def test_a_channel_ends_before_its_process_if_the_process_closes_it(runtime):
    spawn, pid = runtime.python("import os, time\nos.write(2, b'last')\nos.close(2)\ntime.sleep(600)")
    assert runtime.rest(spawn, "stderr") == "last"
    assert not has_exited(pid)


def test_a_channel_ends_with_its_process_even_if_a_descendant_holds_it(runtime):
    code = "import subprocess\nprint(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    spawn, _ = runtime.python(code)
    runtime.next("exited", spawn)
    pid = int(runtime.rest(spawn))
    # The descendant still has the pipe open, or has exited already: the descendants of a process are killed after it.
    eventually("the process has exited", lambda: runtime.hello["containment"] == "pidns" or has_exited(pid))


def test_a_channel_that_is_off_blocks_its_writer_and_no_other_process(runtime):
    code = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
os.write(4, b"ready\\n")
signal.sigwait({signal.SIGUSR1})
for _ in range(32):
    os.write(1, b"x" * 32768)
os.write(4, b"written\\n")
"""
    spawn, pid = runtime.python(code)
    assert runtime.line(spawn, "report") == "ready\n"
    runtime.flow(spawn, "stdout", False)
    runtime.order(type="signal", spawn=spawn, signal=int(signal.SIGUSR1), target="process")
    eventually("the writer waits for its pipe", lambda: waits_for_its_pipe(pid))
    other, _ = runtime.start("echo", "said")
    runtime.next("exited", other)
    assert runtime.rest(other) == "said\n"
    assert runtime.output(spawn, "stdout") == b""
    runtime.flow(spawn, "stdout", True)
    assert runtime.line(spawn, "report") == "written\n"
    assert runtime.next("exited", spawn)["code"] == 0
    assert runtime.rest(spawn) == "x" * 1_048_576


def test_output_of_a_channel_that_is_off_comes_when_the_process_has_exited(runtime):
    spawn, pid = runtime.python("import os, time\nos.write(4, b'ready\\n')\ntime.sleep(600)")
    assert runtime.line(spawn, "report") == "ready\n"
    runtime.flow(spawn, "stdout", False)
    Path(f"/proc/{pid}/fd/1").write_text("x" * 5000)
    runtime.order(type="signal", spawn=spawn, signal=int(signal.SIGKILL), target="process")
    runtime.next("exited", spawn)
    assert runtime.rest(spawn) == "x" * 5000


def test_a_host_that_does_not_read_blocks_the_writers_and_not_the_shepherd(runtime):
    flood, flooding = runtime.python("import os\nwhile True:\n    os.write(1, b'x' * 65536)")
    silent, pid = runtime.start("sleep", "600")
    runtime.reading.clear()
    eventually("the writer waits for its pipe", lambda: waits_for_its_pipe(flooding))
    shepherd = runtime.hello["pid"]
    eventually("the shepherd has nothing to do", lambda: state(shepherd) == "S")
    runtime.order(type="signal", spawn=silent, signal=int(signal.SIGKILL), target="process")
    eventually("the process has exited", lambda: has_exited(pid))
    status = Path(f"/proc/{shepherd}/status").read_text().splitlines()
    (resident,) = [int(line.split()[1]) for line in status if line.startswith("VmRSS")]
    assert resident < 40_000  # KiB
    runtime.reading.set()
    assert runtime.next("exited", silent)["signal"] == signal.SIGKILL
