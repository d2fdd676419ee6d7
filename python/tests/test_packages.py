"""Tools in packages: files, packages and modules by name, and relative imports."""

import pytest
from starting import failure

RELATIVE = "from .helper import one\nfrom terrarium import tool\n\n@tool\ndef t():\n    return one()\n"


@pytest.fixture
def package(file):
    """The package `outer.inner`, whose module `tools` imports from its sibling."""
    file("src/outer/__init__.py")
    file("src/outer/inner/__init__.py", "from terrarium import tool\n\n@tool\ndef of_init():\n    return __name__\n")
    file("src/outer/inner/helper.py", "def one():\n    return __name__\n")
    return file("src/outer/inner/tools.py", RELATIVE)


def test_a7_a_file_in_a_package_is_imported_as_part_of_it(host, package):
    connection = host.ready(package)
    assert connection.run("t") == "outer.inner.helper"
    assert connection.run("of_init") == "outer.inner"


@pytest.mark.parametrize("entry", ["folder", "init"])
def test_a7_a_package_can_hold_the_tools_itself(host, package, entry):
    folder = package.parent
    connection = host.ready(folder if entry == "folder" else folder / "__init__.py")
    assert connection.run("of_init") == "outer.inner"


def test_a7_a_module_is_found_by_its_name(host, package, monkeypatch):
    monkeypatch.chdir(package.parent.parent.parent)
    assert host.ready("outer.inner.tools").run("t") == "outer.inner.helper"


def test_a7_several_entries_at_once(host, package, file, monkeypatch):
    monkeypatch.chdir(package.parent.parent.parent)
    other = file("other.py", "from terrarium import tool\n\n@tool\ndef u():\n    return __name__\n")
    connection = host.ready("outer.inner.tools", other, package)
    assert (connection.run("t"), connection.run("u")) == ("outer.inner.helper", "other")


def test_a7_a_relative_import_without_a_package_says_how(host, file):
    file("helper.py", "def one(): return 1\n")
    last = failure(host.start(file("tools.py", RELATIVE)))
    assert last["kind"] == "import_error"
    assert "Put an __init__.py into the folder" in last["hint"]


@pytest.mark.parametrize(
    "entry, named",
    [("nosuch_tools", "nosuch_tools"), ("outer.nosuch", "outer.nosuch"), ("nosuch.tools", "nosuch")],
)
def test_a_missing_module_with_tools(host, package, entry, named, monkeypatch):
    folder = package.parent.parent.parent
    monkeypatch.chdir(folder)
    last = failure(host.start(entry))
    assert (last["kind"], last["module"]) == ("missing_module", named)
    assert last["hint"].startswith(f"Correct the name {entry} that is given to the pool. It is looked for in {folder}")
    assert "pip install" not in last["hint"]


def test_a_folder_that_is_no_package(host, folder):
    last = failure(host.start(folder))
    assert last["kind"] == "unreadable_file"
    assert "is a folder without __init__.py" in last["message"]
