"""``@tool`` outside a worker: it returns functions unchanged, and refuses functions that cannot be tools."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import terrarium
from terrarium import ToolError, _tools, tool

SOURCE = Path(terrarium.__file__).parent.parent


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch):
    monkeypatch.setattr(_tools, "tools", {})


def test_the_function_is_returned_unchanged():
    def f(x):
        return x

    assert tool(f) is f
    assert tool(name="g")(f) is f
    assert list(_tools.tools) == ["f", "g"]


def test_a_decorated_function_is_called_by_its_own_signature():
    def wrap(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **kwargs)

        return inner

    @tool
    @wrap
    def f(x: int):
        return x

    _tools.tools["f"].check({"x": 1})
    with pytest.raises(TypeError, match="'y'"):
        _tools.tools["f"].check({"x": 1, "y": 2})


@pytest.mark.parametrize("name", ["", " ", "1st", "a b", "a/b", "-a", "a\n", "x" * 129, 7])
def test_bad_names(name):
    with pytest.raises(ToolError, match="name"):

        @tool(name=name)
        def f(): ...


@pytest.mark.parametrize("name", ["a", "_a", "ns.tool-2", "grüße", "x" * 128])
def test_good_names(name):
    tool(name=name)(lambda: None)
    assert list(_tools.tools) == [name]


def test_the_error_of_a_taken_name_has_both_places():
    @tool
    def f(): ...

    place = r"test_tool.py, line \d+"
    with pytest.raises(ToolError, match=rf"g \(.*{place}\).*'f' is taken by .*f in .*{place}"):

        @tool(name="f")
        def g(): ...


def test_objects_that_are_no_plain_functions():
    class Thing:
        def method(self): ...

    def positional(x, /): ...

    for wrong, why in [
        (7, "not a int"),
        (Thing, "the class"),
        (lambda: None, "<lambda>"),
        (functools.partial(print), "no name of its own"),
        (positional, "'x' is positional-only"),
    ]:
        with pytest.raises(ToolError, match=why):
            tool(wrong)


def test_generators_are_streams():
    @tool
    def plain():
        yield 1

    @tool
    async def beside():
        yield 1

    @tool(name="wrapped")
    @functools.wraps(plain)
    def wrapper():
        yield from plain()

    kinds = {name: (each.is_stream, each.is_async) for name, each in _tools.tools.items()}
    assert kinds == {"plain": (True, False), "beside": (True, True), "wrapped": (True, False)}


def test_a_generator_has_no_batches():
    with pytest.raises(ToolError, match="it is a generator"):

        @tool(batch=4)
        def f(x):
            yield x


def test_methods_are_refused():
    with pytest.raises(ToolError, match="method"):
        exec("class C:\n    @tool\n    def m(self): ...\n", {"tool": tool})


def test_importing_terrarium_needs_the_standard_library_only():
    say = "import terrarium as t; print(t.__version__, t.PROTOCOL_VERSION)"
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {say}"
    output = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == f"{terrarium.__version__} {terrarium.PROTOCOL_VERSION}\n"


def test_a_decorated_function_keeps_its_type(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed here")
    program = tmp_path / "program.py"
    program.write_text(
        "from terrarium import tool\n"
        "@tool\ndef f(x: int) -> str: return ''\n"
        "@tool(name='h')\nasync def g(*, y: str = '') -> int: return 1\n"
        "reveal_type(f)\nreveal_type(g)\nf('wrong')\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    env = {**os.environ, "MYPYPATH": str(SOURCE)}
    output = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path).stdout
    output = output.replace("builtins.", "")
    assert 'Revealed type is "def (x: int) -> str"' in output
    assert "def (*, y: str =) -> typing.Coroutine[Any, Any, int]" in output
    assert 'expected "int"' in output
