"""The parameters of functions, compared with the module ``inspect``; and modules that a worker imports only when it
needs them, beside files of the user with the same names."""

import inspect
import itertools

import pytest
from host import SOURCES
from terrarium import _tools
from terrarium._parameters import documentation_of, is_coroutine_function, is_generator_function, parameters_of

NAMES = ("a", "b", "c", "others", "nosuch")


def none(): ...
def one(a): ...
def optional(a, b=1): ...
def only(a, *, b, c=1): ...
def others(a, b=1, **others): ...
def only_others(**others): ...
def many(*a, b): ...
def positional(a=1, /, b=2): ...
async def coroutine(a): ...
def generator(a):
    yield a
async def async_generator(a):
    yield a


FUNCTIONS = [none, one, optional, only, others, only_others, many, positional, coroutine, generator, async_generator]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_tool_takes_the_arguments_that_its_signature_takes(function):
    checked = _tools.Tool("tool", function)
    for count in range(len(NAMES) + 1):
        for names in itertools.combinations(NAMES, count):
            arguments = dict.fromkeys(names)
            try:
                inspect.signature(function).bind(**arguments)
            except TypeError:
                with pytest.raises(TypeError):
                    checked.check(arguments)
            else:
                checked.check(arguments)
    assert is_coroutine_function(function) is inspect.iscoroutinefunction(function)
    is_generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    assert is_generator_function(function) is is_generator


def test_functions_that_only_inspect_knows():
    marked = lambda a: a  # noqa: E731
    marked.__signature__ = inspect.Signature()
    assert [parameters_of(each) for each in (marked, many, positional, print, SOURCES.exists)] == [None] * 5


@pytest.mark.parametrize("text", [None, "", "  ", "One.", "  One.  \n Two.", "\n\n   One.\ttab\n\n   Two.", "\tOne.\n\tTwo."])
def test_the_first_line_of_a_docstring(text):
    def function(): ...

    function.__doc__ = text
    assert documentation_of(function) == next(iter((inspect.getdoc(function) or "").strip().splitlines()), "")


TOOLS = """
import sys
from terrarium import tool

@tool
def loaded(names: list[str]) -> list[str]:
    return [name for name in names if name in sys.modules]

@tool
def fail():
    raise KeyError("why")

@tool
def odd():
    return object()

@tool
def short(value: int = 0) -> int:
    return value
"""
LATE = ["ast", "dataclasses", "decimal", "difflib", "dis", "inspect", "logging", "pathlib", "traceback", "uuid"]


def test_a_worker_is_ready_without_modules_that_take_long_to_import(host, file):
    assert host.ready(file("tools.py", TOOLS)).run("loaded", names=LATE) == []


def test_modules_that_are_imported_late_are_those_of_the_standard_library(host, file):
    for name in ("traceback", "tokenize", "textwrap", "difflib", "inspect", "dis", "fractions", "ast", "numbers"):
        file(f"{name}.py", "raise RuntimeError('a file of the user')\n")
    connection = host.ready(file("tools.py", TOOLS))
    failure = connection.fail("fail")
    assert failure.message == "'why'" and failure.traceback.endswith("KeyError: 'why'\n")
    assert "did you mean 'value' by 'valu'?" in connection.fail("short", valu=1).message
    assert "object cannot be sent" in connection.fail("odd").message
    assert connection.run("short", value=3) == 3


@pytest.mark.parametrize("code", [TOOLS, TOOLS.replace("def short", "async def short")], ids=["sync", "async"])
def test_modules_of_the_user_that_have_names_of_the_standard_library_are_not_taken_for_it(host, file, code):
    names = ["traceback", "difflib", "inspect", "dis", "ast", "tokenize", "queue", "asyncio"]
    for name in names:
        file(f"{name}.py", "")
    connection = host.ready(file("tools.py", f"import {', '.join(names)}\n{code}"))
    assert connection.fail("fail").traceback.endswith("KeyError: 'why'\n")
    assert "did you mean 'value' by 'valu'?" in connection.fail("short", valu=1).message
    assert "object cannot be sent" in connection.fail("odd").message
    assert connection.run("short", value=3) == 3


def test_a_failed_start_is_diagnosed_beside_files_with_the_names_of_modules(host, file):
    for name in ("traceback", "ast", "shlex", "difflib", "dataclasses"):
        file(f"{name}.py", "raise RuntimeError('a file of the user')\n")
    worker = host.start(file("tools.py", "import nosuch\n"))
    assert worker.status() == 78
    assert worker.report[-1]["modules"] == ["nosuch"]
