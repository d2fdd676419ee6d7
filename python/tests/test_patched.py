"""Libraries that replace threads and sockets. Fakes with the same functions stand for gevent and eventlet; the real
libraries are tested in test/tools."""

import pytest
from host import TRANSPORTS

FAKES = {
    "gevent": ("gevent/monkey.py", "def is_module_patched(name): return name in {modules}\n", "gevent.monkey"),
    "eventlet": ("eventlet/patcher.py", "def is_monkey_patched(name): return name in {modules}\n", "eventlet.patcher"),
}
SYNC = "from terrarium import tool\n@tool\ndef t(): return 1\n"
ASYNC = "from terrarium import tool\n@tool\nasync def t(): return 1\n"


@pytest.fixture
def patched(file):
    """A function that writes a fake library which has replaced these modules; returns its folder and its import."""

    def write(library, *modules):
        path, source, name = FAKES[library]
        file(f"lib/{library}/__init__.py")
        return file(f"lib/{path}", source.format(modules=set(modules) or "()")).parent.parent, f"import {name}\n"

    return write


def failure(worker):
    assert worker.status() == 78, (worker.report, worker.output)
    return worker.report[-1]


@pytest.mark.parametrize(
    ("library", "module", "call"),
    [
        ("gevent", "threading", "gevent.monkey.patch_all(thread=False)"),
        ("gevent", "_thread", "gevent.monkey.patch_all(thread=False)"),
        ("eventlet", "thread", "eventlet.monkey_patch(thread=False)"),
    ],
)
def test_D20_replaced_threads_are_named_at_once(host, file, patched, library, module, call):
    folder, source = patched(library, module, "select", "socket")
    tools = file("tools.py", source + SYNC)
    last = failure(host.start(tools, env={"PYTHONPATH": str(folder)}))
    assert (last["kind"], last["module"]) == ("patched", str(tools))
    assert f"{library} has replaced the threads" in last["message"]
    assert call in last["hint"]
    assert str(tools) in last["watch"]


def test_D20_threads_replaced_by_sitecustomize_are_named_too(host, file, patched):
    folder, source = patched("gevent", "threading")
    file("lib/sitecustomize.py", source)
    last = failure(host.start(file("tools.py", SYNC), env={"PYTHONPATH": str(folder)}))
    assert (last["kind"], last["module"]) == ("patched", None)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_D20_replaced_sockets_are_a_failure_for_async_tools_only(host, file, patched, library):
    folder, source = patched(library, "select", "socket")
    env = {"PYTHONPATH": str(folder)}
    last = failure(host.start(file("a.py", source + ASYNC), env=env))
    assert f"{library} has replaced select and socket" in last["message"]
    assert host.ready(file("b.py", source + SYNC), env=env).run("t") == 1


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_D20_a_library_that_has_replaced_nothing_is_no_failure(host, file, patched, library):
    folder, source = patched(library)
    assert host.ready(file("tools.py", source + ASYNC), env={"PYTHONPATH": str(folder)}).run("t") == 1
