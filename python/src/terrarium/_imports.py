"""Finds the missing imports of the user's files by reading them, so that one error can name all of them.

Nothing is imported. Only imports that are sure to fail are found: at the top level of a file, under no condition, and
before the file changes how modules are found. An entry is an element of the pool's option ``tools``: the absolute path
of a file, or the name of a module.
"""

import ast
import os
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec

from terrarium._module import NotAFile, come_first, place_of

_MOST_FILES = 200
"""Files that are read at most: the user waits meanwhile."""

# A file that uses any of these may change what its further imports find.
_OF_SYS = {"path", "meta_path", "path_hooks", "modules"}
_FUNCTIONS = {"addsitedir", "chdir"}


@dataclass(frozen=True)
class Unmet:
    """An import that is sure to fail."""

    module: str
    """The shortest part of the dotted name that is missing."""
    file: str
    line: int


def unmet(entries: "list[str]") -> "list[Unmet]":
    """The missing imports of these entries and of the user's files that they import, in the order of reading.

    Changes ``sys.path`` as importing the entries would: call it only in a process that will import nothing more.
    """
    survey = _Survey()
    try:
        for entry in entries:
            survey.enter(entry)
    except Exception:  # from a file that Python itself cannot read; its import reports that
        pass
    return list(survey.found.values())


def find(name: str) -> "ModuleSpec | None":
    """The spec of a module, or None. Unlike ``importlib.util.find_spec`` this imports no package around it."""
    path = None
    spec = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:end]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and end < len(parts):
            return None
    return spec


def _find(name: str, path: "list[str] | None") -> "ModuleSpec | None":
    for finder in sys.meta_path:
        look = getattr(finder, "find_spec", None)
        spec = look(name, path) if look is not None else None
        if spec is not None:
            return spec  # type: ignore[no-any-return]
    return None


def is_installed(path: str) -> bool:
    """Whether a file or folder belongs to an installed package or to Python itself, not to the user."""
    path = os.path.realpath(path)
    if any(f"{os.sep}{folder}{os.sep}" in path + os.sep for folder in ("site-packages", "dist-packages")):
        return True
    return path.startswith(os.path.dirname(os.path.realpath(os.__file__)) + os.sep)


class _Survey:
    def __init__(self) -> None:
        self.found: "dict[str, Unmet]" = {}
        self._seen: "set[str]" = set()
        self._is_changed = False
        """Whether a file has changed how modules are found: nothing after that is sure."""

    def enter(self, entry: str) -> None:
        try:
            place = place_of(entry)
        except (OSError, NotAFile):  # loading the entry reports it
            return
        come_first(place.folder)
        if place.file is None:
            self._follow(place.name)
        else:
            self._read(place.file, "")

    def _follow(self, name: str) -> None:
        """Reads the module and the packages around it, if they are the user's files."""
        parts = name.split(".")
        if parts[0] == "terrarium":
            return  # imported already, with all that it needs
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            try:
                spec = find(part)
            except Exception:  # from a finder of the user
                return
            if spec is None:
                return
            if spec.origin is not None and spec.origin.endswith(".py") and not is_installed(spec.origin):
                package = part if spec.submodule_search_locations is not None else ".".join(parts[: end - 1])
                self._read(spec.origin, package)

    def _read(self, file: str, package: str) -> None:
        if self._is_changed or file in self._seen or len(self._seen) >= _MOST_FILES:
            return
        self._seen.add(file)
        try:
            with open(file, "rb") as source:
                tree = ast.parse(source.read(), file)
        except (OSError, SyntaxError, ValueError):
            return
        for statement in tree.body:
            if self._is_changed:
                return
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    self._want(alias.name, [], file, statement.lineno)
            elif isinstance(statement, ast.ImportFrom):
                base = _absolute(statement.module, statement.level, package)
                if base is not None:
                    self._want(base, [alias.name for alias in statement.names], file, statement.lineno)
            else:
                self._is_changed = _ends_survey(statement)

    def _want(self, name: str, members: "list[str]", file: str, line: int) -> None:
        missing = missing_part(name)
        if missing is not None:
            self.found.setdefault(missing, Unmet(missing, file, line))
            return
        self._follow(name)
        for member in members:
            self._follow(f"{name}.{member}")


def missing_part(name: str) -> "str | None":
    """The shortest part of a dotted name that is missing. None if all of it exists, or if that is not sure."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        part = ".".join(parts[:end])
        if part in sys.modules:
            continue
        try:
            spec = find(part)
        except Exception:  # from a finder of the user
            return None
        if spec is None:
            parent = find(".".join(parts[: end - 1])) if end > 1 else None
            # A package may create submodules when it is imported; a namespace package has no code and cannot.
            return part if parent is None or parent.origin is None else None
    return None


def _absolute(module: "str | None", level: int, package: str) -> "str | None":
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level > len(parts):
        return None
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, *([module] if module else [])])


def _ends_survey(statement: ast.stmt) -> bool:
    """Whether imports after the statement may find other modules, or may never be reached."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return isinstance(statement, ast.Raise) or any(_changes_imports(node) for node in ast.walk(statement))


def _changes_imports(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _FUNCTIONS
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr in _FUNCTIONS or (
        node.attr in _OF_SYS and isinstance(node.value, ast.Name) and node.value.id == "sys"
    )
