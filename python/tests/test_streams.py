"""Workers whose standard streams or descriptors were replaced or closed by user code or sitecustomize."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from host import TRANSPORTS

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

REPLACEMENTS = [
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
        "an object that cannot be reconfigured",
        "class Bad:\n    def reconfigure(s, **k): raise RuntimeError('no')\n    write = flush = lambda *a: None\n"
        "sys.stdout = sys.stderr = Bad()",
        False,
    ),
    (
        "an object with odd attributes",
        "class Odd:\n    reconfigure = 4\n    write = flush = lambda *a: None\nsys.stdout = Odd()",
        False,
    ),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("name", "source", "heard"), REPLACEMENTS, ids=[name for name, _, _ in REPLACEMENTS])
def test_D9_a_worker_starts_whatever_sitecustomize_has_made_of_the_streams(host, file, name, source, heard):
    """``heard``: whether the host receives what is printed to standard output; None where print may raise, as in any
    program."""
    site = file("site/sitecustomize.py", "import sys\n" + source + "\n").parent
    connection = host.ready(file("tools.py", TOOLS), env={"PYTHONPATH": str(site), "LC_ALL": "C"})
    text = connection.call("say", {"text": "grüß\u2713"})
    if heard is not None:
        assert connection.value(text) is None
    assert len(connection.run("streams")) == 2
    # The event loop survives a SystemExit of a task, even if it cannot print it.
    for _ in range(2):
        assert connection.fail("leave").type == "SystemExit"
    assert connection.worker.terminate() == 0
    if heard is not None:
        assert ("grüß\u2713" in connection.worker.output["stdout"]) is heard, connection.worker.output


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_D9_a_closed_standard_descriptor_is_not_reused_by_the_session(host, file):
    site = file("site/sitecustomize.py", "import os\nos.close(1)\nos.close(2)\n").parent
    header = "import os\nfrom terrarium import tool\n@tool\n"
    source = header + "def write():\n    for fd in (1, 2): os.write(fd, b'garbage' * 1000)\n"
    connection = host.ready(file("tools.py", source), env={"PYTHONPATH": str(site)})
    for _ in range(3):
        assert connection.run("write") is None
    assert connection.worker.terminate() == 0


def test_D9_a_boot_failure_is_written_to_descriptor_2_if_sys_stderr_is_replaced(file):
    """Without a boot report the failure goes to descriptor 2, not to the object that has replaced sys.stderr."""
    path = file(
        "say.py",
        """
        import sys
        sys.stderr = sys.stdout = None
        from terrarium._boot_failure import BootFailure
        from terrarium._boot_report import BootReport
        BootReport(99).failed(BootFailure(78, "kind", "why"))
        """,
    )
    env = {**os.environ, "PYTHONPATH": str(SOURCES)}
    ran = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (0, "terrarium: why")


def test_D9_the_sources_contain_no_assert():
    """``python -O`` skips asserts, and their messages name nothing."""
    found = [
        f"{path.relative_to(SOURCES)}:{number}"
        for path in sorted(SOURCES.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip().startswith("assert ")
    ]
    assert found == []
