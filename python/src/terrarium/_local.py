"""Modules that are the user's own, which no package index has."""

import os
from typing import Iterable, Iterator

from terrarium._module import NotAFile, place_of

# Where a project begins: nothing above is the user's for sure.
_PROJECT = {".git", ".hg", "package.json", "pyproject.toml", "setup.cfg", "setup.py"}

# Python files deeper than this do not make a folder a package.
_DEPTH = 3


def local(module: str, entries: "list[str]") -> "str | None":
    """The file or folder near the user's files that has the name of the module's top package."""
    top = module.partition(".")[0]
    for folder in _folders(entries):
        file = os.path.join(folder, f"{top}.py")
        if os.path.isfile(file):
            return file
        package = os.path.join(folder, top)
        if os.path.isdir(package) and _has_python(package):
            return package
    return None


def is_entry(module: str, entries: "list[str]") -> bool:
    """Whether the module is, or is a package around, what the user has named as the place of the tools."""
    return any(not os.path.isabs(entry) and f"{entry}.".startswith(f"{module}.") for entry in entries)


def _folders(entries: "list[str]") -> "Iterator[str]":
    """The working directory, and for each entry the folders from its own up to where its project begins."""
    yield from _unique(folder for entry in entries for folder in _above(entry))
    yield os.getcwd()


def _above(entry: str) -> "Iterator[str]":
    try:
        place = place_of(entry)
    except (OSError, NotAFile):
        return
    if not os.path.isabs(entry):
        folders = [place.folder]
        for name in entry.split(".")[:-1]:
            folders.append(os.path.join(folders[-1], name))
        yield from reversed(folders)
        return
    folder = os.path.dirname(os.path.realpath(entry))
    above = [folder]
    while above[-1] != os.path.dirname(above[-1]):
        above.append(os.path.dirname(above[-1]))
    # At least the folder that holds the file's own, or its package.
    end = above.index(os.path.dirname(place.folder)) + 1
    begins = next((index for index, folder in enumerate(above) if _is_project(folder)), 0)
    yield from above[: max(end, begins + 1)]


def _is_project(folder: str) -> bool:
    return folder == os.getcwd() or any(os.path.exists(os.path.join(folder, name)) for name in _PROJECT)


def _has_python(folder: str) -> bool:
    for path, folders, files in os.walk(folder):
        if any(file.endswith(".py") for file in files):
            return True
        if path.count(os.sep) - folder.count(os.sep) >= _DEPTH:
            folders.clear()
    return False


def _unique(items: "Iterable[str]") -> "Iterator[str]":
    return iter(dict.fromkeys(items))
