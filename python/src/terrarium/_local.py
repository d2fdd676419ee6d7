"""Tells whether a missing module is the user's own rather than a package to install: by a file near the tools, by upper
and lower case, or by its name. An entry is an element of the pool's option ``tools``."""

import os
import sys
from typing import Iterable, Iterator

from terrarium._module import NotAFile, place_of

# A folder with one of these is the root of a project: nothing above it is certainly the user's.
_PROJECT = {".git", ".hg", "package.json", "pyproject.toml", "setup.cfg", "setup.py"}

# Names of the user's own files in many projects: a module of such a name is hardly a package to install. A name of
# several words, such as helpers_local, counts if one of its words is in _OWN_WORDS.
_OWN = {"app", "core", "db", "lib", "main", "models", "schemas", "scripts", "src", "tests"}
_OWN_WORDS = {"common", "config", "constants", "local", "settings", "shared", "tools"}
_OWN_WORDS |= {"helper", "helpers", "util", "utils"}

_DEPTH = 3
"""How many levels below a folder are searched for Python files, which make it a package."""


def local(module: str, entries: "list[str]") -> "str | None":
    """The path of a file or folder near the user's files with the name of the module's top package, or None."""
    top = module.partition(".")[0]
    for folder in _folders(entries):
        file = os.path.join(folder, f"{top}.py")
        if os.path.isfile(file):
            return file
        package = os.path.join(folder, top)
        if _is_package(package):
            return package
    return None


def other_case(module: str, entries: "list[str]") -> "tuple[str, str] | None":
    """A name that differs from the module's top package in upper and lower case only, and its place, or None."""
    top = module.partition(".")[0]
    for folder in _unique([*_folders(entries), *sys.path]):
        for name in _names_in(folder):
            path = os.path.join(folder, name)
            stem = name[:-3] if name.endswith(".py") else name
            if stem != top and stem.lower() == top.lower() and (stem != name or _is_package(path)):
                return stem, path
    for name in sorted(sys.stdlib_module_names):
        if name != top and name.lower() == top.lower():
            return name, "a module of Python's own"
    return None


def is_local_name(module: str) -> bool:
    """Whether a package of that name in an index is hardly what the import means."""
    top = module.partition(".")[0].lower()
    return top.startswith("_") or top in _OWN or not _OWN_WORDS.isdisjoint(top.split("_"))


def is_entry(module: str, entries: "list[str]") -> bool:
    """Whether an entry is this module, or a module inside this package."""
    return any(not os.path.isabs(entry) and f"{entry}.".startswith(f"{module}.") for entry in entries)


def _folders(entries: "list[str]") -> "Iterator[str]":
    """For each entry the folders from its own up to the root of its project, then the working directory."""
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
    # At least up to the parent of the folder that holds the file or its package.
    end = above.index(os.path.dirname(place.folder)) + 1
    begins = next((index for index, folder in enumerate(above) if _is_project(folder)), 0)
    yield from above[: max(end, begins + 1)]


def _is_project(folder: str) -> bool:
    return folder == os.getcwd() or any(os.path.exists(os.path.join(folder, name)) for name in _PROJECT)


def _names_in(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except OSError:  # not a folder: a file, such as a zip on the path, or missing
        return []


def _is_package(path: str) -> bool:
    return os.path.isdir(path) and _has_python(path)


def _has_python(folder: str) -> bool:
    for path, folders, files in os.walk(folder):
        if any(file.endswith(".py") for file in files):
            return True
        if path.count(os.sep) - folder.count(os.sep) >= _DEPTH:
            folders.clear()
    return False


def _unique(items: "Iterable[str]") -> "Iterator[str]":
    return iter(dict.fromkeys(items))
