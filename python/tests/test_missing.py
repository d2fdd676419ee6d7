"""Missing modules: one error names all of them, with the command that installs them. A module of the user is never part
of that command."""

import os
import shlex
import stat
import sys
import venv
from pathlib import Path

import pytest
from starting import HEADER, failure, site_packages

from terrarium import _imports, _install

OFFER = "Correct the import: the package terrarium offers deadline, host, progress, register_type, session and tool."


def modules(last):
    return last["modules"]


# All missing modules are named by one error.


def test_a3_one_error_names_all_missing_modules(host, file):
    tools = file("tools.py", "import nosuch_one\nimport os, nosuch_two.part\nfrom nosuch_three import x\n" + HEADER)
    last = failure(host.start(tools))
    assert (last["kind"], last["module"]) == ("missing_module", "nosuch_one")
    assert modules(last) == ["nosuch_one", "nosuch_two", "nosuch_three"]
    for number, name in enumerate(modules(last), 1):
        assert f"'{name}' (imported by {tools}, line {number})" in last["message"]
    assert last["command"].endswith(" -m pip install nosuch_one nosuch_two nosuch_three")
@pytest.mark.parametrize("transport", ["grpc"])
def test_a3_one_error_names_the_modules_of_user_and_worker(host, file, tmp_path):
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False, symlinks=True)
    file("helper.py", "import yaml\n")
    python = bare / "bin" / "python"
    last = failure(host.start(file("tools.py", "import helper, cv2\n" + HEADER), python=python))
    assert modules(last) == ["grpc", "google.protobuf", "yaml", "cv2"]
    assert last["command"].endswith(" -m pip install grpcio protobuf PyYAML opencv-python")
    assert "`transport`" not in last["hint"]  # it would not be enough
    assert "its name may differ" not in last["hint"]


def test_a3_the_imported_files_of_the_user_are_read_too(host, file):
    file("pack/__init__.py", "import nosuch_init\n")
    file("pack/a.py", "from . import b\n")
    file("pack/b.py", "from .c import x\n")
    file("pack/c.py", "import nosuch_c\nx = 1\n")
    last = failure(host.start(file("pack/tools.py", "from pack.a import b\nimport nosuch_tools\n" + HEADER)))
    assert modules(last) == ["nosuch_init", "nosuch_c", "nosuch_tools"]


def test_a3_a_module_given_by_name_is_read_too(host, file, folder, monkeypatch):
    file("pack/__init__.py")
    file("pack/tools.py", "import nosuch_one\nimport nosuch_two\n" + HEADER)
    file("other.py", "import nosuch_three\n" + HEADER)
    monkeypatch.chdir(folder)
    last = failure(host.start("pack.tools", folder / "other.py"))
    assert modules(last) == ["nosuch_one", "nosuch_two", "nosuch_three"]


CONDITIONAL = """
import nosuch_first
try:
    import nosuch_in_try
except ImportError:
    nosuch_in_try = None
if False:
    import nosuch_in_if
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import nosuch_for_types
def f():
    import nosuch_in_function
class C:
    import json
import sys, os.path
HERE = os.path.dirname(__file__)
import nosuch_second
{turn}
import nosuch_after
"""


@pytest.mark.parametrize(
    "turn",
    [
        "sys.path.insert(0, 'vendor')",
        "sys.path += ['vendor']",
        "if HERE: sys.modules['nosuch_after'] = sys",
        "import site; site.addsitedir('vendor')",
        "os.chdir('/')",
        "raise RuntimeError",
    ],
)
def test_a3_only_imports_that_are_sure_to_fail_are_named(host, file, turn):
    last = failure(host.start(file("tools.py", CONDITIONAL.format(turn=turn))))
    assert modules(last) == ["nosuch_first", "nosuch_second"]


def test_a3_no_module_is_imported_by_the_survey(host, file, folder):
    file("helper.py", f"open({str(folder / 'ran')!r}, 'w').close()\n")
    file("pack/__init__.py", f"open({str(folder / 'ran')!r}, 'w').close()\n")
    file("pack/sub.py")
    source = "import nosuch_one\nimport helper, pack.sub, pack.nosuch, nosuch_two\n"
    last = failure(host.start(file("tools.py", source)))
    assert modules(last) == ["nosuch_one", "nosuch_two"]
    assert not (folder / "ran").exists()


def test_a3_an_import_whose_finder_raises_is_not_named(file, folder, monkeypatch):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "strange":
                raise RuntimeError

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    tools = file("tools.py", "import strange\nimport nosuch\n")
    assert [each.module for each in _imports.unmet([str(tools)])] == ["nosuch"]


def test_a3_a_file_that_cannot_be_parsed_hides_no_earlier_import(host, file):
    file("deep.py", "x = " + "(" * 5000 + ")" * 5000 + "\n")
    last = failure(host.start(file("tools.py", "import nosuch_one\nimport deep\nimport nosuch_two\n" + HEADER)))
    assert modules(last)[0] == "nosuch_one"


def test_a3_a_missing_part_of_a_shared_namespace(host, file):
    last = failure(host.start(file("tools.py", "import google.nosuch.part\nimport nosuch_one\n")))
    assert modules(last) == ["google.nosuch", "nosuch_one"]
    assert last["command"].endswith(" -m pip install google-nosuch nosuch_one")
    assert "Look up first which package provides google.nosuch, nosuch_one: its name may differ" in last["hint"]


# The command is for the tool that made the environment.


@pytest.fixture
def bare(tmp_path):
    folder = tmp_path / "bare venv"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


def command(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
@pytest.mark.parametrize("transport", ["grpc"])
def test_a3_in_an_environment_of_uv(host, file, bare):
    with open(bare / "pyvenv.cfg", "a") as cfg:
        cfg.write("uv = 0.5.1\n")
    python = shlex.quote(str(bare / "bin" / "python"))
    last = failure(host.start(file("tools.py", HEADER), python=bare / "bin" / "python"))
    assert last["command"] == f"uv pip install --python {python} grpcio protobuf"
    for name in ("grpc", "google/protobuf"):
        stub = site_packages(bare) / name
        stub.mkdir(parents=True)
        (stub / "__init__.py").touch()
    last = failure(host.start(file("tools.py", HEADER), python=bare / "bin" / "python"))
    requirements = "'grpcio>=1.60' 'protobuf>=4.25'"
    assert last["command"] == f"uv pip install --upgrade --python {python} {requirements}"


@pytest.mark.parametrize("transport", ["grpc"])
@pytest.mark.parametrize("tool", ["conda", "mamba", "micromamba", None])
def test_a3_in_an_environment_of_conda(host, file, bare, tmp_path, tool):
    # Like an environment of conda, it has a folder conda-meta.
    (bare / "conda-meta").mkdir()
    if tool is not None:
        command(tmp_path / "tools" / tool)
    path = f"{tmp_path / 'tools'}:/nowhere"
    env = {"PATH": path, "CONDA_EXE": None}
    last = failure(host.start(file("tools.py", HEADER), python=bare / "bin" / "python", env=env))
    prefix = shlex.quote(str(bare))
    if tool is None:
        assert last["command"].endswith(" -m pip install grpcio protobuf")
    else:
        expected = f"{tool} install --prefix {prefix} --channel conda-forge grpcio protobuf"
        assert last["command"] == expected


def test_a3_in_an_interpreter_that_the_system_manages(tmp_path, monkeypatch):
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    way = _install.install("grpcio", "msgpack")
    python = shlex.quote(sys.executable)
    assert way.command == f"{python} -m venv .venv && .venv/bin/python -m pip install grpcio msgpack"
    assert "lets pip install nothing into it" in way.note


@pytest.mark.parametrize("kind", ["none", "venv", "conda"])
def test_a3_outside_an_environment_the_hint_mentions_environments(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere" if kind == "venv" else str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CONDA_EXE", raising=False)
    if kind == "conda":
        (tmp_path / "conda-meta").mkdir()
    way = _install.install("grpcio")
    assert way.command == f"{shlex.quote(sys.executable)} -m pip install grpcio"
    assert ("start the host in the folder that has it as .venv" in way.note) == (kind == "none")


# A8: a hint never advises to install a module that no index has.


@pytest.fixture
def no_install():
    def check(last, *parts):
        assert last["command"] == ""
        assert " install " not in last["hint"].replace("Nothing is to be installed.", "")
        for part in parts:
            assert part in last["hint"]

    return check


def test_a8_the_folder_of_the_tools_is_not_to_be_installed(host, file, folder, no_install):
    file("pkg/helpers.py")
    tools = file("pkg/tools.py", "from pkg import helpers\n" + HEADER)
    last = failure(host.start(tools))
    assert last["module"] == "pkg"
    no_install(last, "put an __init__.py into it", str(folder / "pkg"), "imported as pkg.tools")
    # The advice works.
    file("pkg/__init__.py")
    assert host.ready(tools).run("t") == 1


@pytest.mark.parametrize("near", ["lib/part.py", "lib/deep/part.py", "lib.py"])
def test_a8_a_neighbour_is_not_to_be_installed(host, file, folder, no_install, near):
    file("package.json", "{}")
    file(near)
    tools = file("app/tools/tools.py", "import lib\n" + HEADER)
    last = failure(host.start(tools))
    no_install(last, f"PYTHONPATH: '{folder}'", str(folder / near.partition("/")[0]))
    # The advice works.
    assert host.ready(tools, env={"PYTHONPATH": str(folder)}).run("t") == 1


def test_a8_a_sibling_in_a_package_has_a_full_name(host, file, no_install):
    file("outer/__init__.py")
    file("outer/inner/__init__.py")
    near = file("outer/inner/helper.py", "x = 1\n")
    tools = file("outer/inner/tools.py", "from helper import x\n" + HEADER)
    last = failure(host.start(tools))
    no_install(last, f"Import it as outer.inner.helper: {near} is in the package outer.inner.")
    # The advice works.
    file("outer/inner/tools.py", "from outer.inner.helper import x\n" + HEADER)
    assert host.ready(tools).run("t") == 1


def test_a8_a_sibling_of_tools_that_are_named_as_a_module(host, file, folder, monkeypatch, no_install):
    near = file("outer/helper.py", "x = 1\n")
    file("outer/tools.py", "from helper import x\n" + HEADER)
    file("source/lib/tools.py", "import lib\n" + HEADER)
    monkeypatch.chdir(folder)
    no_install(failure(host.start("outer.tools")), f"PYTHONPATH: '{folder / 'outer'}'", str(near))
    no_install(failure(host.start("source.lib.tools")), f"PYTHONPATH: '{folder / 'source'}'")
    file("outer/__init__.py")
    no_install(failure(host.start("outer.tools")), f"Import it as outer.helper: {near} is in the package outer.")


def test_a8_a_module_in_the_working_directory_is_not_to_be_installed(host, file, tmp_path, monkeypatch, no_install):
    (tmp_path / "shared.py").touch()
    monkeypatch.chdir(tmp_path)
    last = failure(host.start(file("tools.py", "import shared\n" + HEADER)))
    no_install(last, f"PYTHONPATH: '{tmp_path}'")


def test_a8_a_folder_without_python_is_no_neighbour(host, file):
    file("package.json", "{}")
    file("nosuch_data/rows.csv")
    last = failure(host.start(file("app/tools.py", "import nosuch_data\n" + HEADER)))
    assert last["command"].endswith(" -m pip install nosuch_data")


def test_a8_the_package_of_the_tools_is_not_to_be_installed(host, file, folder, monkeypatch, no_install):
    file("outer/__init__.py")
    file("outer/tools.py", "import os, sys\nsys.path.remove(os.getcwd())\ndel sys.modules['outer']\nimport outer\n")
    monkeypatch.chdir(folder)
    no_install(failure(host.start("outer.tools")), str(folder))


@pytest.mark.parametrize(
    "source, part",
    [
        ("import pack.nosuch\n", "Correct the import, or add nosuch to"),
        ("from pack.nosuch import x\n", "Correct the import, or add nosuch to"),
        ("from pack import nosuch\n", "Correct the import, or define the name in"),
        ("from .nosuch import x\n", "Put an __init__.py into the folder"),
        ("import plain.nosuch\n", "rename"),
        ("import json.nosuch\n", "has no json.nosuch."),
        ("import os.path.nosuch\n", "Correct the import"),
        ("from json import nosuch\n", "has no such name."),
        ("import msgpack.nosuch\n", "a version of msgpack that has msgpack.nosuch."),
        ("import urllib2\n", "is no longer a part of Python since 3.0."),
        ("import formatter\n", "is no longer a part of Python since 3.10."),
        ("import terrarium.nosuch\n", "Correct the import."),
        ("from terrarium import nosuch\n", OFFER),
        ("from terrarium._tools import nosuch\n", OFFER),
        ("try:\n  import pack.nosuch\nexcept ImportError as e:\n  raise ImportError from e\n", "add nosuch to"),
    ],
)
def test_a8_no_command_for_a_module_that_cannot_be_installed(host, file, source, part):
    file("pack/__init__.py")
    file("plain.py")
    last = failure(host.start(file("tools.py", source + HEADER)))
    assert last["command"] == ""
    assert part in last["hint"]
    assert " -m pip " not in last["hint"]


@pytest.mark.parametrize(
    "name",
    ["utils", "tools_of_mine.utils", "helpers_local", "_private", "config.values", "Settings", "models", "my_utils"],
)
def test_a8_a_usual_name_of_the_users_own_files_is_not_to_be_installed(host, file, no_install, name):
    if name.startswith("tools_of"):
        file("tools_of_mine.py")
    last = failure(host.start(file("main.py", f"import {name}\n" + HEADER)))
    no_install(last, "Correct the import" if name.startswith("tools_of") else "Put the file or the package")


def test_a8_the_command_has_only_modules_that_may_be_packages(host, file):
    last = failure(host.start(file("main.py", "import utils, nosuch_one, _private, yaml_nosuch\n" + HEADER)))
    assert modules(last) == ["utils", "nosuch_one", "_private", "yaml_nosuch"]
    assert last["command"].endswith(" -m pip install nosuch_one yaml_nosuch")


def test_a8_a_name_that_differs_by_case_only(host, file, folder, no_install):
    file("hp/part.py")
    file("Rates.py")
    for name, meant in (("Hp", folder / "hp"), ("HP.part", folder / "hp"), ("rates", folder / "Rates.py")):
        last = failure(host.start(file("tools.py", f"import {name}\n" + HEADER)))
        top = name.partition(".")[0]
        no_install(last, f"Correct the import: {top} is written {meant.stem}, in upper and lower case as {meant} is.")
    last = failure(host.start(file("tools.py", "import JSON\n" + HEADER)))
    no_install(last, "Correct the import: JSON is written json")


@pytest.mark.parametrize("wrong, right", [("tol", "tool"), ("Tool", "tool"), ("registertype", "register_type")])
def test_a8_a_misspelled_name_of_terrarium(host, file, wrong, right):
    last = failure(host.start(file("tools.py", f"from terrarium import {wrong}\n" + HEADER)))
    assert last["hint"] == OFFER.replace("the package", f"did you mean {right}? The package")


def test_a8_an_import_by_importlib_is_named_with_its_line(host, file):
    tools = file("tools.py", "import importlib\n\nimportlib.import_module('nosuch_late')\n" + HEADER)
    last = failure(host.start(tools))
    assert last["module"] == "nosuch_late"
    assert last["message"].endswith(f"(imported by {tools}, line 3)")
    assert not any("importlib" in path for path in last["watch"])


def test_a8_a_relative_import_in_a_package(host, file, no_install):
    package = file("pack/__init__.py").parent
    last = failure(host.start(file("pack/tools.py", "from .nosuch import x\n" + HEADER)))
    assert last["module"] == "pack.nosuch"
    no_install(last, f"Correct the import, or add nosuch to {package}.")


def test_a8_a_file_that_hides_a_module_of_python(host, file):
    path = file("random.py", "x = 1\n")
    last = failure(host.start(file("tools.py", "from random import choice\n" + HEADER)))
    assert last["hint"] == f"Rename {path}: it is taken for random of Python itself."


def test_a8_a_circular_import(host, file):
    file("one.py", "from two import b\na = 1\n")
    file("two.py", "from one import a\nb = 1\n")
    last = failure(host.start(file("tools.py", "import one\n" + HEADER)))
    assert last["hint"].startswith("Break the circle of imports: one was not complete")


# A2: a broken installation is configuration.


def test_a2_a_missing_file_of_the_worker_is_named(host, file, folder, monkeypatch):
    import shutil

    import host as host_module

    copy = folder / "copy"
    shutil.copytree(Path(host_module.SOURCES), copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "terrarium" / "_session.py").unlink()
    monkeypatch.setattr(host_module, "BOOT", copy / "terrarium" / "_boot.py")
    last = failure(host.start(file("tools.py", HEADER)))
    assert last["kind"] == "missing_module"
    expected = "this installation of @terrarium/worker is incomplete: there is no Python module terrarium._session"
    assert last["message"] == expected
    assert last["hint"] == "Install @terrarium/worker again."
