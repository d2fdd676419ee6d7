"""Tools that fork in various ways: nothing is printed about it, also not by gRPC where it carries the session."""

import pytest
from host import TRANSPORTS

SOURCE = """\
import multiprocessing, os, pty, subprocess, sys
from terrarium import tool

def end(pid):
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

def nothing():
    pass

@tool
def fork():
    end(os.fork())

@tool
def forkpty():
    pid, fd = pty.fork()
    end(pid)
    os.close(fd)

@tool
def fork_process():
    process = multiprocessing.get_context("fork").Process(target=nothing)
    process.start()
    process.join()

@tool
def run():
    subprocess.run(["true"], check=True)

@tool
def run_with_a_hook():
    subprocess.run(["true"], check=True, preexec_fn=nothing)

@tool
def system():
    os.system("true")

@tool
async def fork_in_a_coroutine():
    end(os.fork())

@tool
def return_from_fork():
    pid = os.fork()
    if pid == 0:
        return None
    os.waitpid(pid, 0)

@tool
def setting():
    return os.environ.get("GRPC_ENABLE_FORK_SUPPORT")
"""

TOOLS = "fork forkpty fork_process run run_with_a_hook system fork_in_a_coroutine return_from_fork".split()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_D8_no_way_to_fork_prints_anything(host, file):
    connection = host.ready(file("tools.py", SOURCE))
    for _ in range(5):
        calls = [connection.call(tool) for tool in TOOLS]  # the session is in use meanwhile
        assert [connection.value(call) for call in calls] == [None] * len(TOOLS)
    assert connection.worker.terminate() == 0
    assert connection.worker.output == {"stdout": "", "stderr": ""}


@pytest.mark.parametrize("transport", ["grpc"])
@pytest.mark.parametrize("value", ["0", "false"])
def test_D8_a_setting_of_the_user_stays(host, file, value):
    connection = host.ready(file("tools.py", SOURCE), env={"GRPC_ENABLE_FORK_SUPPORT": value})
    assert connection.run("setting") == value


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_D8_tools_do_not_see_the_setting_of_the_worker(host, file):
    connection = host.ready(file("tools.py", SOURCE), env={"GRPC_ENABLE_FORK_SUPPORT": None})
    assert connection.run("setting") is None


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_D8_a_worker_that_starts_and_exits_prints_nothing(host, file):
    connection = host.ready(file("tools.py", SOURCE))
    assert connection.worker.terminate() == 0
    assert connection.worker.output == {"stdout": "", "stderr": ""}
