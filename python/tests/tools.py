"""The tools of the workers in most tests."""

import asyncio
import dataclasses
import datetime
import os
import subprocess
import sys
import time
from pathlib import Path

from terrarium import tool


@tool
def echo(value=None):
    """Answers with its argument.

    And nothing else.
    """
    return value


@tool
def add(a: int, b: int = 1, *, c: int = 0) -> int:
    return a + b + c


@tool(name="any.names")
def any_names(**names):
    return sorted(names)


@tool
def leave_line(path, line="ran"):
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


@tool
def wait_for(path):
    """Blocks the main thread until there is a file."""
    Path(path + ".begun").touch()
    while not os.path.exists(path):
        time.sleep(0.002)
    return "seen"


@tool
def spin_until(path):
    """Keeps the main thread busy until there is a file."""
    while not os.path.exists(path):
        pass


@tool
async def wait_async(path, reluctant=False):
    Path(path + ".begun").touch()
    try:
        while not os.path.exists(path):
            await asyncio.sleep(0.002)
    except asyncio.CancelledError:
        Path(path + ".cancelled").touch()
        if not reluctant:
            raise
    return "seen"


meeting = None


@tool
async def meet():
    """Returns once it runs twice at the same time."""
    global meeting
    if meeting is None:
        meeting = asyncio.Event()
        await meeting.wait()
    else:
        meeting.set()
    return "met"


class OwnError(Exception):
    class Inner(Exception):
        pass

    def __str__(self):
        raise RuntimeError("no text")


def deeper(kind):
    raise {
        "ValueError": ValueError("a bad value\nin two lines"),
        "Own": OwnError(),
        "Inner": OwnError.Inner("inner"),
        "SystemExit": SystemExit(0),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "Surrogate": ValueError("\ud800"),
        "Long": ValueError("x" * 1_000_000),
        "StopIteration": StopIteration(1),
    }[kind]


@tool
def fail(kind):
    deeper(kind)


@tool
async def fail_async(kind):
    deeper(kind)


@tool
def fail_with_cause():
    try:
        deeper("ValueError")
    except ValueError as error:
        raise LookupError("outer") from error


@tool
def recurse():
    return recurse()


@dataclasses.dataclass
class Point:
    x: int
    y: object = None


class Text(str):
    pass


class Table(dict):
    pass


class Instant(datetime.datetime):
    pass


def cyclic():
    items = []
    items.append(items)
    return items


VALUES = {
    "tuple": lambda: (1, (2,)),
    "dataclass": lambda: Point(1, Point(2)),
    "bytes": lambda: [b"\x00\xff", bytearray(b"a"), memoryview(b"b")],
    "datetime": lambda: datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, tzinfo=datetime.timezone.utc),
    "subclass of datetime": lambda: Instant(2024, 1, 1, microsecond=123457, tzinfo=datetime.timezone.utc),
    "numbers": lambda: [0, -1, 2**63, -(2**63), 2**64 - 1, 1.5, True, None],
    "int keys": lambda: {1: "a", "b": 2},
    "subclasses": lambda: [Text("t"), Table(a=1)],
    "unicode": lambda: "ä€🐍",
    # Values that cannot be sent:
    "object": lambda: {"rows": [1, {"cell": object()}]},
    "class": lambda: Point,
    "in dataclass": lambda: [Point(1, {1j})],
    "surrogate": lambda: {"text": "\ud800"},
    "cyclic": cyclic,
    "deep": lambda: nested(100_000),
    "deep dicts": lambda: nested(100_000, lambda value: {"a": value}),
    "secret": lambda: [Secret()],
    "raises": lambda: [Hostile(ValueError("no x"))],
    "exits": lambda: [Hostile(SystemExit(1))],
}


def nested(depth, around=lambda value: [value]):
    value = around(0)
    for _ in range(depth):
        value = around(value)
    return value


@dataclasses.dataclass
class Hostile:
    x: object

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        if name == "x":
            raise value
        return value


class Secret:
    def __repr__(self):
        return "the secret"


@tool
def value(kind):
    return VALUES[kind]()


@tool
async def value_async(kind):
    return VALUES[kind]()


@tool
def kind_of(value):
    return f"{type(value).__name__} {value!r}"


@tool
def blob(size):
    return bytes(size)


@tool
def process_state():
    return {
        "argv": sys.argv,
        "boot": "TERRARIUM_BOOT" in os.environ,
        "spawn": os.environ.get("TERRARIUM_SPAWN"),
        "path": sys.path[:2],
        "module": __name__,
        "importable": sys.modules[__name__].__dict__ is globals(),
        "terrarium": sys.modules["terrarium"].__file__,
        "stdin": sys.stdin.read(),
        "fds": [fd for fd in (3, 4) if is_inheritable(fd)],
    }


def is_inheritable(fd):
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


@tool
def say(text):
    print(text)


@tool
def fork_and_return(path):
    """Returns from the tool in the forked child too, as careless code does."""
    pid = os.fork()
    if pid == 0:
        Path(path).touch()
        return "the child"
    return os.waitpid(pid, 0)[1]


@tool
def fork_and_exit():
    pid = os.fork()
    if pid == 0:
        sys.exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@tool
def pool_of_processes(method):
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        return pool.submit(square, 7).result()


def square(n):
    return n * n


@tool
def program():
    """Starts a program that sends SIGINT to itself; returns its exit status."""
    return subprocess.run([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"]).returncode
