"""Imports modules when they are needed for the first time, which keeps them out of the start of a worker. By then user
code has run, and its folder comes first on ``sys.path``, perhaps with a file that has the name of such a module."""

import os
import sys
from _frozen_importlib_external import BYTECODE_SUFFIXES, SOURCE_SUFFIXES, PathFinder  # importlib takes longer
from _imp import extension_suffixes
from _thread import get_ident
from typing import Any

_PATH = sys.path[:]
"""As it was before user code ran: this module is imported by the bootstrap."""

_LATE = ("asyncio", "difflib", "inspect", "traceback", "terrarium._diagnosis", "terrarium._values._advice")
"""What is imported after user code ran."""


class _Finder:
    """Finds modules where they were before user code ran. For the thread that made it; others find them as usual."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return PathFinder.find_spec(name, _PATH) if path is None and get_ident() == self._thread else None


def late(name: str) -> Any:
    """The module of this name: of the standard library, or of this package."""
    if name not in sys.modules:
        finder: Any = _Finder()
        sys.meta_path.insert(0, finder)
        try:
            __import__(name)
        finally:
            sys.meta_path.remove(finder)
    return sys.modules[name]


def prepare(folder: str) -> None:
    """Imports now what would be imported late, if this folder of user code has a module or a folder with the name of a
    module of the standard library: once user code has imported that, it would be taken for the library's."""
    suffixes = (*SOURCE_SUFFIXES, *BYTECODE_SUFFIXES, *extension_suffixes())
    try:
        names = {name.partition(".")[0] for name in os.listdir(folder) if "." not in name or name.endswith(suffixes)}
    except OSError:
        return
    if not names.isdisjoint(sys.stdlib_module_names - sys.modules.keys()):
        for name in _LATE:
            late(name)
