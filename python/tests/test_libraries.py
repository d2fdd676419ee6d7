"""The libraries that a worker needs for transport grpc: what is missing or too old is named, with the command that
installs it."""

import shlex
import subprocess
import venv
from datetime import datetime, timezone

import pytest
from starting import HEADER, failure, site_packages

@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The folder of an environment without any package, with a space in its name."""
    folder = tmp_path_factory.mktemp("bare venv")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


LIBRARIES = {"grpc": "grpcio", "google.protobuf": "protobuf"}


@pytest.fixture
def transport():
    return "grpc"


@pytest.mark.parametrize("module", LIBRARIES)
def test_a_missing_library_of_the_worker(host, file, bare, module):
    for earlier in LIBRARIES:
        stub = site_packages(bare).joinpath(*earlier.split("."))
        if earlier == module:
            break
        stub.mkdir(parents=True, exist_ok=True)
        (stub / "__init__.py").touch()
    python = bare / "bin" / "python"
    last = failure(host.start(file("tools.py", HEADER), python=python))
    assert (last["kind"], last["module"]) == ("missing_module", module)
    assert last["exe"] == str(python)
    # The other missing libraries are named with it.
    missing = list(LIBRARIES)[list(LIBRARIES).index(module) :]
    assert last["modules"] == missing
    quoted = shlex.quote(str(python))
    distributions = " ".join(LIBRARIES[each] for each in missing)
    assert last["command"] == f"{quoted} -m ensurepip && {quoted} -m pip install {distributions}"
    avoid = "Set the option `transport` to 'socket', which needs no package, or do this:"
    assert last["hint"] == f"{avoid} Install what is missing: {last['command']}"
    assert str(site_packages(bare)) in last["watch"]
    assert host.workers[-1].phases()[-2:] == [("importing", module), ("failed", module)]


def test_libraries_that_are_too_old(host, file, bare):
    for name in ("grpc", "google/protobuf"):
        stub = site_packages(bare) / name
        stub.mkdir(parents=True, exist_ok=True)
        (stub / "__init__.py").touch()
    last = failure(host.start(file("tools.py", HEADER), python=bare / "bin" / "python"))
    assert last["kind"] == "import_error"
    assert "pip install --upgrade 'grpcio>=1.60' 'protobuf>=4.25'" in last["hint"]


EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

BARE = """
import sys
from terrarium import tool

@tool
def echo(value): return value

@tool
async def echo_later(value): return value

@tool
def loaded():
    return [name for name in ("grpc", "google.protobuf", "msgpack") if name in sys.modules]
"""


@pytest.mark.parametrize("transport", ["socket"])
def test_a_worker_over_the_socket_needs_nothing_but_the_interpreter(host, file, tmp_path, transport):
    environment = tmp_path / "bare"
    venv.create(environment, with_pip=False, symlinks=True)
    assert list(site_packages(environment).iterdir()) == []
    worker = host.ready(file("tools.py", BARE), python=environment / "bin" / "python")
    value = {"a": [1, -1.5, "text", None, True], "bytes": b"b", "long": bytes(200_000), "instant": EPOCH, "n": 2**63}
    for tool in ("echo", "echo_later"):
        assert worker.run(tool, value=value) == value
    assert worker.run("loaded") == []


def test_pip_accepts_the_command(host, file):
    """Run with --help, because the test has no network."""
    last = failure(host.start(file("tools.py", "import nosuch_module\n")))
    assert last["hint"].endswith(last["command"])
    assert subprocess.run([*shlex.split(last["command"]), "--help"], capture_output=True).returncode == 0
