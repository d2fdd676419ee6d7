"""Tools that count the contents of a Python file with Python's own parser. Nothing of the file is executed."""

import ast
import io
import platform
import sysconfig
import tokenize
import warnings
from collections import Counter
from typing import Any, Iterator, Optional, Union

from terrarium import tool

# Warnings of the compiler about the analysed source (SyntaxWarning, DeprecationWarning) are not reported.
warnings.simplefilter("ignore")

LONGEST = 10
"""How many functions of a file are returned: enough for the ten longest of all files."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_BLOCKS = (
    *_DEFINITIONS,
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match),
    *([ast.TryStar] if hasattr(ast, "TryStar") else []),  # Python 3.11
)
_HOLDS_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


@tool
def standard_library() -> "dict[str, str]":
    """The folder of this interpreter's standard library, and its version."""
    return {"root": sysconfig.get_path("stdlib"), "version": platform.python_version()}


@tool
def analyse(path: str) -> "dict[str, Any]":
    """Counts the contents of a file. Returns ``{"error": …}`` for a file that does not parse."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
        text = _decode(raw)
        module = ast.parse(text)
    except Exception as error:  # RecursionError and MemoryError too: the file is nested too deeply for the parser
        return {"error": _describe(error)}
    return {"lines": _count_lines(text), **_measure(module)}


def _decode(raw: bytes) -> str:
    """Decodes source as tokenize.open does (PEP 263), with newlines translated."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return io.TextIOWrapper(io.BytesIO(raw), encoding).read()


def _count_lines(text: str) -> int:
    return text.count("\n") + (text != "" and not text.endswith("\n"))


def _describe(error: Exception) -> "dict[str, Union[str, int, None]]":
    line: Optional[int] = None
    message = str(error)
    if isinstance(error, SyntaxError):
        line, message = error.lineno, error.msg
    elif isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
    elif isinstance(error, OSError):
        message = error.strerror or message  # without the path
    return {
        "type": type(error).__name__,
        "message": message.encode("utf-8", "backslashreplace").decode(),
        "line": line,
    }


def _measure(module: ast.Module) -> "dict[str, Any]":
    functions: "list[dict[str, Any]]" = []
    classes = 0
    deepest = 0
    imports: "Counter[str]" = Counter()
    # An explicit stack, because Python's own is too short for the deepest trees that the parser accepts.
    pending: "list[tuple[ast.AST, int, str]]" = [(module, 0, "")]
    while pending:
        node, depth, scope = pending.pop()
        deepest = max(deepest, depth)
        if isinstance(node, _DEFINITIONS):
            scope = f"{scope}.{node.name}" if scope else node.name
        if isinstance(node, _FUNCTIONS):
            last = node.end_lineno or node.lineno
            functions.append({"name": scope, "line": node.lineno, "lines": last - node.lineno + 1})
        elif isinstance(node, ast.ClassDef):
            classes += 1
        elif isinstance(node, ast.Import):
            imports.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            imports[node.module.partition(".")[0]] += 1
        for child in _statements(node):
            is_deeper = isinstance(child, _BLOCKS) and not _is_elif(child, node)
            pending.append((child, depth + is_deeper, scope))
    functions.sort(key=lambda function: (-function["lines"], function["line"], function["name"]))
    return {
        "functions": len(functions),
        "classes": classes,
        "deepest": deepest,
        "longest": functions[:LONGEST],
        "imports": dict(sorted(imports.items())),
    }


def _statements(node: ast.AST) -> "Iterator[ast.AST]":
    """The statements, handlers and cases directly in a node."""
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            for item in value:
                if not isinstance(item, _HOLDS_STATEMENTS):
                    break  # a list of expressions
                yield item


def _is_elif(child: ast.AST, parent: ast.AST) -> bool:
    """Whether ``child`` is an ``elif``: an If alone in the else part of an If, in the same column."""
    return (
        isinstance(child, ast.If)
        and isinstance(parent, ast.If)
        and parent.orelse == [child]
        and child.col_offset == parent.col_offset
    )
