"""Tools that the tests call: ordinary ones, and every kind of misbehaviour."""

import asyncio
import ctypes
import os
import signal
import subprocess
import time

from terrarium import register_type, tool


def make_file(path: str) -> None:
    """Makes a file, which shows that a call has begun; does nothing for an empty path."""
    if path:
        open(path, "x").close()


@tool
def echo(value=None):
    return value


class Odd:
    """Instances cannot be read by a host that has not registered the name."""


register_type("Odd", Odd, encode=lambda odd: {}, decode=lambda sent: Odd())


@tool
def odd() -> Odd:
    return Odd()


@tool
def size(value) -> int:
    return len(value)


@tool
def spawn() -> str:
    """The spawn id of this worker. Its pid may be a number in a namespace, which the host does not see."""
    return os.environ["TERRARIUM_SPAWN"].rpartition(":")[2]


@tool
def sleep(seconds: float, begun: str = "") -> str:
    make_file(begun)
    time.sleep(seconds)
    return "slept"


@tool
async def sleep_async(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@tool
def touch(path: str) -> None:
    """Appends a line to a file each time that it runs."""
    with open(path, "a", encoding="utf-8") as file:
        file.write("ran\n")


@tool
def fail(message: str) -> None:
    raise ValueError(message)


@tool
def die(code: int = 1) -> None:
    os._exit(code)


@tool
def die_by(name: str) -> None:
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)


@tool
def busy(seconds: float, begun: str = "") -> None:
    make_file(begun)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@tool
def hold_gil(seconds: int, begun: str = "") -> None:
    make_file(begun)
    ctypes.PyDLL(None).sleep(seconds)


@tool
def child(seconds: float) -> int:
    """Starts a process in the worker's group."""
    return subprocess.Popen(["sleep", str(seconds)]).pid


@tool
def fork(seconds: float) -> None:
    """Forks the worker; the fork stays in its group."""
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)


@tool
def daemon(seconds: float) -> int:
    """Starts a process that calls setsid and keeps the worker's environment."""
    return subprocess.Popen(["sleep", str(seconds)], start_new_session=True).pid


@tool
def say(text: str) -> None:
    print(text, flush=True)


@tool
def echo_slowly(value=None, seconds: float = 0.05):
    time.sleep(seconds)
    return value


@tool
def touch_when(begun: str, go: str) -> str:
    """Waits for the file ``go``, then makes another one."""
    make_file(begun)
    while not os.path.exists(go):
        time.sleep(0.01)
    make_file(go + ".seen")
    return "seen"


@tool
def variable(name: str):
    return os.environ.get(name)
