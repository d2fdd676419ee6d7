import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src"), str(Path(__file__).resolve().parent)]

from flock import CONTAINMENTS, Flock  # noqa: E402
from host import Host  # noqa: E402


@pytest.fixture
def folder():
    """A folder of the test's own; short, because a socket's path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tt-") as path:
        yield Path(path)


@pytest.fixture
def file(folder):
    """Writes a file of the test's own and answers its path."""

    def write(name, source=""):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return write


@pytest.fixture
def host(folder):
    """A host. When the test ends, everything it has started is gone, which is looked up in /proc."""
    host = Host(folder)
    try:
        yield host
    finally:
        host.close()


@pytest.fixture
def worker(host, file):
    """A worker that is ready, with the tools of tools.py."""
    return host.ready(Path(__file__).resolve().parent / "tools.py")


@pytest.fixture
def open_flock(folder):
    """When the test ends, nothing that the shepherd has started is alive, which is looked up in /proc."""
    flocks = []

    def open(containment, **more):
        flocks.append(Flock(folder, containment, **more))
        return flocks[-1]

    try:
        yield open
    finally:
        for flock in flocks:
            flock.close()


@pytest.fixture(params=CONTAINMENTS)
def flock(open_flock, request):
    flock = open_flock(request.param)
    if flock.hello["type"] == "unavailable":
        pytest.skip(f"no {request.param} here: {flock.hello['reason']}")
    return flock
