"""What user code, or what starts the interpreter, has made of standard output, standard error and their descriptors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parent.parent / "src"

TOOLS = """\
import sys
from terrarium import tool

@tool
def say(text):
    print(text, flush=True)
    print(text, file=sys.stderr, flush=True)

@tool
async def leave():
    raise SystemExit(3)

@tool
def streams():
    return [type(sys.stdout).__name__, type(sys.stderr).__name__]
"""

PUT_IN_PLACE = [
    ("nothing", "sys.stdout = sys.stderr = None", False),
    ("closed", "sys.stdout.close(); sys.stderr.close()", None),
    ("closed descriptors", "import os; os.close(0); os.close(1); os.close(2)", None),
    ("in memory", "import io; sys.stdout, sys.stderr = io.StringIO(), io.StringIO()", False),
    ("bytes in memory", "import io; sys.stdout = sys.stderr = io.TextIOWrapper(io.BytesIO())", False),
    ("codecs", "import codecs; sys.stdout = codecs.getwriter('utf-8')(sys.stdout.buffer)", True),
    (
        "a wrapper like that of colorama",
        "class W:\n    def __init__(s, o): s.o = o\n    def __getattr__(s, n): return getattr(s.o, n)\n"
        "sys.stdout, sys.stderr = W(sys.stdout), W(sys.stderr)",
        True,
    ),
    (
        "two places at once",
        "class Tee:\n    def write(s, t): sys.__stdout__.write(t)\n    def flush(s): sys.__stdout__.flush()\n"
        "sys.stdout = sys.stderr = Tee()",
        True,
    ),
    (
        "a capture like that of pytest",
        "import io, tempfile\n"
        "sys.stdout = io.TextIOWrapper(tempfile.TemporaryFile(buffering=0), write_through=True)",
        False,
    ),
    (
        "what cannot be set up",
        "class Bad:\n    def reconfigure(s, **k): raise RuntimeError('no')\n    write = flush = lambda *a: None\n"
        "sys.stdout = sys.stderr = Bad()",
        False,
    ),
    ("what has odd attributes", "class Odd:\n    reconfigure = 4\n    write = flush = lambda *a: None\nsys.stdout = Odd()", False),
]


@pytest.mark.parametrize(("put", "source", "heard"), PUT_IN_PLACE, ids=[name for name, _, _ in PUT_IN_PLACE])
def test_D9_whatever_sitecustomize_has_put_in_place_of_the_streams(host, file, put, source, heard):
    """``heard``: whether the host hears what is printed to standard output; None where printing raises or not, as in
    any program."""
    site = file("site/sitecustomize.py", "import sys\n" + source + "\n").parent
    connection = host.ready(file("tools.py", TOOLS), env={"PYTHONPATH": str(site), "LC_ALL": "C"})
    text = connection.call("say", {"text": "grüß\u2713"})
    if heard is not None:
        assert connection.value(text) is None
    assert len(connection.run("streams")) == 2
    # The event loop survives what comes out of a task, although it may not be able to print it.
    for _ in range(2):
        assert connection.fail("leave").type == "SystemExit"
    assert connection.worker.terminate() == 0
    if heard is not None:
        assert ("grüß\u2713" in connection.worker.output["stdout"]) is heard, connection.worker.output


def test_D9_a_free_descriptor_is_not_that_of_the_session(host, file):
    site = file("site/sitecustomize.py", "import os\nos.close(1)\nos.close(2)\n").parent
    source = "import os\nfrom terrarium import tool\n@tool\ndef write():\n    for fd in (1, 2): os.write(fd, b'garbage' * 1000)\n"
    connection = host.ready(file("tools.py", source), env={"PYTHONPATH": str(site)})
    for _ in range(3):
        assert connection.run("write") is None
    assert connection.worker.terminate() == 0


def test_D9_a_failure_is_told_although_standard_error_is_gone(file):
    """Without a report channel it goes to descriptor 2, past what has been put in place of sys.stderr."""
    path = file(
        "say.py",
        """
        import sys
        sys.stderr = sys.stdout = None
        from terrarium._report import BootFailure, BootReport
        BootReport(99).failed(BootFailure(78, "kind", "why"))
        """,
    )
    env = {**os.environ, "PYTHONPATH": str(SOURCES)}
    ran = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (0, "terrarium: why")


def test_D9_nothing_outside_is_checked_by_assert():
    """``python -O`` leaves asserts out, and their message names nothing."""
    found = [
        f"{path.relative_to(SOURCES)}:{number}"
        for path in sorted(SOURCES.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip().startswith("assert ")
    ]
    assert found == []
