"""The examples in the README and in the docstring of ``terrarium``: each runs here as a program, and defines the tools
that it shows."""

import inspect
import re
import textwrap
from pathlib import Path

import pytest
import terrarium
from terrarium import _tools

README = Path(__file__).resolve().parent.parent / "README.md"


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch):
    monkeypatch.setattr(_tools, "tools", {})


def test_the_example_of_the_docstring_defines_a_tool():
    _, _, example = (terrarium.__doc__ or "").partition("::\n")
    code = re.match(r"(?:\n|    .*\n)+", example)
    assert code is not None
    names: dict = {}
    exec(textwrap.dedent(code[0]), names)
    assert list(_tools.tools) == ["word_count"]
    assert names["word_count"]("a b a") == {"a": 2, "b": 1}


def test_the_example_of_the_readme_defines_its_tools():
    (code,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    names: dict = {}
    exec(code, names)
    assert list(_tools.tools) == ["word_count", "fetch"]
    assert names["word_count"]("a b a") == {"a": 2, "b": 1}
    assert inspect.iscoroutinefunction(names["fetch_page"])
