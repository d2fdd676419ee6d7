"""Imports the entries of the pool's option ``tools``. An entry is the absolute path of a file or of a package's folder,
or the name of a module."""

import importlib.util
import os
import stat
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import NamedTuple

from terrarium._late import prepare
from terrarium._tools import Tool, tools


class NoTools(Exception):
    """All entries were imported, and no function is marked with ``@tool``."""


class NotAFile(Exception):
    """There is something at the path of an entry, but it cannot be imported."""


def found_tools(entries: "list[str]") -> "list[Tool]":
    """The functions marked with ``@tool`` or exposed, in the order of definition. Raises NoTools if there are none."""
    if not tools:
        raise NoTools(f"{', '.join(entries)} {'has' if len(entries) == 1 else 'have'} no tool")
    return list(tools.values())


class Place(NamedTuple):
    """Where an entry is, and how it is imported."""

    folder: str
    """The folder to put first on ``sys.path``."""
    name: str
    """The name to import it by, if it is a module or belongs to a package; else the stem of the file."""
    file: "str | None"
    """The path, if it is a file outside any package; else None."""


def load(entry: str) -> "ModuleType":
    """Imports an entry and returns its module. Raises NotAFile, OSError, and what the module raises.

    A file in a package is imported as a module of that package, as ``python -m`` does. Any other file is imported as a
    script is run: its folder comes first on ``sys.path``, and ``sys.argv`` holds none of the worker's arguments. Unlike
    a script it is importable by its own name: a helper that imports it gets the same module, and its classes can be
    pickled.
    """
    place = place_of(entry)
    prepare(place.folder)
    come_first(place.folder)
    if place.file is None:
        __import__(place.name)
        return sys.modules[place.name]
    name = _free_name(place.name)
    spec = importlib.util.spec_from_file_location(name, place.file, loader=SourceFileLoader(name, place.file))
    if spec is None or spec.loader is None:
        raise NotAFile(f"{place.file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return sys.modules.get(name, module)


def place_of(entry: str) -> Place:
    """Finds an entry without importing it. Raises NotAFile, or OSError for a path that cannot be read."""
    if not os.path.isabs(entry):
        return Place(os.getcwd(), entry, None)
    path = entry
    if stat.S_ISDIR(os.stat(path).st_mode):  # raises FileNotFoundError for a missing path
        path = os.path.join(path, "__init__.py")
        if not os.path.exists(path):
            raise NotAFile(f"{os.path.dirname(path)} is a folder without __init__.py")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise NotAFile(f"{path} is not a file")
    with open(path, "rb"):  # raises PermissionError with the path
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
    """The folder that contains the top package of ``folder``, and the dotted name of ``folder``. If ``folder`` is no
    package: itself, and an empty name."""
    names: list[str] = []
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        folder, name = os.path.split(folder)
        names.insert(0, name)
    return folder, ".".join(names)


def _free_name(stem: str) -> str:
    """The name for a file's module. A file called ``types.py`` or ``grpc.py`` must not replace the module of that
    name."""
    taken = stem in sys.modules or stem in sys.stdlib_module_names
    return f"terrarium_module_{stem}" if taken else stem
