"""Imports what the user has named as the place of the tools: files and modules."""

import importlib.util
import os
import stat
import sys
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader

from terrarium._tools import Tool, tools


class NoTools(Exception):
    """Everything was imported, and nothing in it is marked."""


class NotAFile(Exception):
    """There is something at the path of the user's module, but it cannot be imported."""


def found_tools(entries: "list[str]") -> "list[Tool]":
    """What was marked with ``@tool`` in what was loaded, in the order of definition. Raises NoTools."""
    if not tools:
        raise NoTools(f"{', '.join(entries)} {'has' if len(entries) == 1 else 'have'} no tool")
    return list(tools.values())


@dataclass(frozen=True)
class Place:
    """Where an entry of the user's is."""

    folder: str
    """What comes first on ``sys.path`` for it."""
    name: str
    """The name it is imported by, if it is a module or belongs to a package; else the stem of the file."""
    file: "str | None"
    """The path, if it is a file that belongs to no package."""


def load(entry: str) -> None:
    """Imports the module of that name, or the file (or the folder of a package) at that absolute path.

    A file in a package is imported as part of it, as ``python -m`` would. Any other is imported as a script is run: its
    folder comes first on ``sys.path``, and ``sys.argv`` holds nothing of ours. Unlike a script it is importable by its
    own name: a helper that imports it gets the same module, and its classes can be pickled.
    """
    place = place_of(entry)
    come_first(place.folder)
    if place.file is None:
        __import__(place.name)
        return
    name = _free_name(place.name)
    spec = importlib.util.spec_from_file_location(name, place.file, loader=SourceFileLoader(name, place.file))
    if spec is None or spec.loader is None:
        raise NotAFile(f"{place.file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def place_of(entry: str) -> Place:
    """Raises NotAFile, and OSError where there is nothing that can be read."""
    if not os.path.isabs(entry):
        return Place(os.getcwd(), entry, None)
    path = entry
    if stat.S_ISDIR(os.stat(path).st_mode):  # FileNotFoundError for a missing one
        path = os.path.join(path, "__init__.py")
        if not os.path.exists(path):
            raise NotAFile(f"{os.path.dirname(path)} is a folder without __init__.py")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise NotAFile(f"{path} is not a file")
    with open(path, "rb"):  # PermissionError, in a form that names the path
        pass
    folder, package = package_of(os.path.dirname(os.path.realpath(path)))
    stem = os.path.splitext(os.path.basename(path))[0]
    if package:
        return Place(folder, package if stem == "__init__" else f"{package}.{stem}", None)
    return Place(folder, stem, path)


def come_first(folder: str) -> None:
    """Puts the folder first on ``sys.path``."""
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)


def package_of(folder: str) -> "tuple[str, str]":
    """The folder that the top package of ``folder`` is in, and the package's dotted name, empty if it is none."""
    names: list[str] = []
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        folder, name = os.path.split(folder)
        names.insert(0, name)
    return folder, ".".join(names)


def _free_name(stem: str) -> str:
    """A file may be called ``types.py`` or ``grpc.py``: it must not take the place of that module."""
    taken = stem in sys.modules or stem in sys.stdlib_module_names
    return f"terrarium_module_{stem}" if taken else stem
