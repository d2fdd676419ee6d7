"""What the user's files import and is not there: found by reading them, so that all of it can be told at once.

Nothing is imported, and only what is sure is told: imports at the top level of a file, under no condition, before the
file changes how modules are found.
"""

import ast
import os
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec

from terrarium._module import NotAFile, come_first, place_of

# More files than these are not read: the user waits.
_MOST_FILES = 200

# What a file does with these changes what its further imports find.
_OF_SYS = {"path", "meta_path", "path_hooks", "modules"}
_FUNCTIONS = {"addsitedir", "chdir"}


@dataclass(frozen=True)
class Unmet:
    """An import that cannot succeed."""

    module: str
    """The shortest dotted name that is not there."""
    file: str
    line: int


def unmet(entries: "list[str]") -> "list[Unmet]":
    """What the files of these entries, and the files that they import, import in vain, in their order.

    Changes ``sys.path`` to what the files would find; for a process that ends without importing anything more.
    """
    survey = _Survey()
    try:
        for entry in entries:
            survey.enter(entry)
    except Exception:  # of a file that Python itself cannot take: told when the file is imported
        pass
    return list(survey.found.values())


def find(name: str) -> "ModuleSpec | None":
    """Where the module would come from. Unlike ``importlib.util.find_spec`` this imports no package around it."""
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
    """Whether a file or folder belongs to an installed package or to Python itself, and not to the user."""
    path = os.path.realpath(path)
    if any(f"{os.sep}{folder}{os.sep}" in path + os.sep for folder in ("site-packages", "dist-packages")):
        return True
    return path.startswith(os.path.dirname(os.path.realpath(os.__file__)) + os.sep)


class _Survey:
    def __init__(self) -> None:
        self.found: "dict[str, Unmet]" = {}
        self._seen: "set[str]" = set()
        self._is_over = False

    def enter(self, entry: str) -> None:
        try:
            place = place_of(entry)
        except (OSError, NotAFile):  # told when it is loaded
            return
        come_first(place.folder)
        if place.file is None:
            self._follow(place.name)
        else:
            self._read(place.file, "")

    def _follow(self, name: str) -> None:
        """Reads the module and the packages around it, as far as they are the user's."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            try:
                spec = find(part)
            except Exception:  # a finder of the user's
                return
            if spec is None:
                return
            if spec.origin is not None and spec.origin.endswith(".py") and not is_installed(spec.origin):
                package = part if spec.submodule_search_locations is not None else ".".join(parts[: end - 1])
                self._read(spec.origin, package)

    def _read(self, file: str, package: str) -> None:
        if self._is_over or file in self._seen or len(self._seen) >= _MOST_FILES:
            return
        self._seen.add(file)
        try:
            with open(file, "rb") as source:
                tree = ast.parse(source.read(), file)
        except (OSError, SyntaxError, ValueError):
            return
        for statement in tree.body:
            if self._is_over:
                return
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    self._want(alias.name, [], file, statement.lineno)
            elif isinstance(statement, ast.ImportFrom):
                base = _absolute(statement.module, statement.level, package)
                if base is not None:
                    self._want(base, [alias.name for alias in statement.names], file, statement.lineno)
            else:
                self._is_over = _turns(statement)

    def _want(self, name: str, members: "list[str]", file: str, line: int) -> None:
        missing = missing_part(name)
        if missing is not None:
            self.found.setdefault(missing, Unmet(missing, file, line))
            return
        self._follow(name)
        for member in members:
            self._follow(f"{name}.{member}")


def missing_part(name: str) -> "str | None":
    """The shortest part of a dotted name that is not there, or None when all of it is, or when that is not sure."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        part = ".".join(parts[:end])
        if part in sys.modules:
            continue
        try:
            spec = find(part)
        except Exception:  # a finder of the user's
            return None
        if spec is None:
            parent = find(".".join(parts[: end - 1])) if end > 1 else None
            # A package may make submodules up as it is imported; a namespace, which has no code, cannot.
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


def _turns(statement: ast.stmt) -> bool:
    """Whether what comes after the statement may be found elsewhere, or is never reached."""
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
