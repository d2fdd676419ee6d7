"""Fixtures: a folder and files of a test, a host of workers, and a host with a shepherd. Both hosts check at the end of
the test that no process is left."""

import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src"), str(Path(__file__).resolve().parent)]

from host import Host  # noqa: E402
from shared import Shared  # noqa: E402
from runtime import CONTAINMENTS, Runtime  # noqa: E402


@pytest.fixture
def folder():
    """A folder of the test's own, with a short path, because a socket's path may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tt-") as path:
        yield Path(path)


@pytest.fixture
def file(folder):
    """A function that writes a file of the test's own and returns its path."""

    def write(name, source=""):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return write


@pytest.fixture
def transport():
    """What carries the sessions of a test. Modules whose tests concern calls have each test run with both."""
    return "socket"


@pytest.fixture
def host(folder, transport):
    """A host of workers. At the end of the test it checks in /proc that none of its processes is left."""
    host = Host(folder, transport)
    try:
        yield host
    finally:
        host.close()


@pytest.fixture
def worker(host, file):
    """A worker that is ready, with the tools of tools.py."""
    return host.ready(Path(__file__).resolve().parent / "tools.py")


@pytest.fixture(scope="session")
def shared():
    """Workers that several tests use, see ``Shared``."""
    with tempfile.TemporaryDirectory(prefix="tt-") as path:
        shared = Shared(Path(path))
        try:
            yield shared
        finally:
            shared.close()


@pytest.fixture
def open_runtime(folder):
    """A function that opens a Runtime. At the end of the test it checks in /proc that none of its processes is left."""
    runtimes = []

    def open(containment, **more):
        runtimes.append(Runtime(folder, containment, **more))
        return runtimes[-1]

    try:
        yield open
    finally:
        for runtime in runtimes:
            runtime.close()


@pytest.fixture(params=CONTAINMENTS)
def runtime(open_runtime, request):
    """A host with a shepherd, once for each containment that this system has."""
    runtime = open_runtime(request.param)
    if runtime.hello["type"] == "unavailable":
        pytest.skip(f"no {request.param} here: {runtime.hello['reason']}")
    return runtime


@pytest.fixture(params=CONTAINMENTS)
def hurried_runtime(open_runtime, request):
    """The same, with a shepherd that gives a process 1.5 s to become its program."""
    runtime = open_runtime(request.param, exec_timeout=1.5)
    if runtime.hello["type"] == "unavailable":
        pytest.skip(f"no {request.param} here: {runtime.hello['reason']}")
    return runtime
