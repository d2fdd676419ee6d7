"""Imports the user's file as the module it is."""

import importlib.util
import os
import stat
import sys
from importlib.machinery import SourceFileLoader

from terrarium._tools import Tool, tools


class NoTools(Exception):
    """The user's module was imported, and nothing in it is marked."""


class NotAFile(Exception):
    """There is something at the path of the user's module, but it cannot be read as a file."""


def load_tools(path: str) -> "list[Tool]":
    """Imports the file at ``path`` and answers what it marked with ``@tool``, in the order of definition.

    As with a script, its folder comes first on ``sys.path`` and ``sys.argv`` holds nothing of ours. Unlike a script it
    is importable by its own name: a helper that imports it gets the same module, and its classes can be pickled.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # FileNotFoundError for a missing one
        raise NotAFile(f"{path} is not a file")
    with open(path, "rb"):  # PermissionError, in a form that names the path
        pass
    sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    sys.argv[:] = [path]
    name = _free_name(os.path.splitext(os.path.basename(path))[0])
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not tools:
        raise NoTools(f"{path} has no tool")
    return list(tools.values())


def _free_name(stem: str) -> str:
    """A file may be called ``types.py`` or ``grpc.py``: it must not take the place of that module."""
    taken = stem in sys.modules or stem in sys.stdlib_module_names
    return f"terrarium_module_{stem}" if taken else stem
