"""Python's side of the table of values: the names in its expressions, the comparison of values, and tools that evaluate
and compare in a worker."""

import dataclasses
import importlib.metadata
import importlib.util
import math
import re
import sys
import types
import unittest.mock
from array import array
from collections import UserString, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from terrarium import tool


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = None


Point.__module__ = "shop"


@dataclasses.dataclass
class Basket(list):
    owner: str


Basket.__module__ = "shop"


class Pair(NamedTuple):
    first: Any
    second: Any


class Color(Enum):
    RED = 1


class Shade(str, Enum):
    RED = "red"


torch = types.ModuleType("torch")
torch.Tensor = type("Tensor", (), {"__module__": "torch"})

NAMES = dict(globals())
"""The names that an expression may use."""


def has(package):
    return importlib.util.find_spec(package) is not None


def evaluate(expression, needs=None):
    """The value of an expression of the table. ``needs``: the package to import for it, if any."""
    names = dict(NAMES)
    if needs == "numpy":
        names["np"] = __import__("numpy")
    elif needs == "pandas":
        names["pd"] = __import__("pandas")
    elif needs == "attrs":
        names["Thing"] = __import__("attrs").make_class("Thing", ["x"])
    elif needs == "pydantic":
        names["Model"] = __import__("pydantic").create_model("Model", x=(int, ...))
    return eval(expression, names)


def same(left, right):
    """Whether two values are equal and have the same types in every part."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return repr(left) == repr(right)  # NaN is NaN, and -0.0 is not 0.0
    if isinstance(left, memoryview):
        return (left.format, left.shape, left.tolist()) == (right.format, right.shape, right.tolist())
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return len(left) == len(right) and all(map(same, left, right)) and all(map(same, left.values(), right.values()))
    return left == right


@tool
def is_same(value: Any, expression: str, needs: str | None = None) -> str:
    """An empty text if the value is that of the expression; else the type and the value."""
    return "" if same(value, evaluate(expression, needs)) else f"{type(value).__name__} {value!r}"


@tool
def make(expression: str, needs: str | None = None) -> Any:
    """The value of an expression."""
    return evaluate(expression, needs)


@tool
def make_in(expression: str, needs: str | None = None) -> Any:
    """The value of an expression, at rows[1].price."""
    return {"rows": [1, {"price": evaluate(expression, needs)}]}


@tool
def packages() -> list[str]:
    """The names of the packages that are installed in this environment."""
    return [distribution.name for distribution in importlib.metadata.distributions()]


@tool
def imported() -> list[str]:
    """The names of the imported packages among those whose values can be sent."""
    return [name for name in ("numpy", "pandas", "pydantic", "attrs", "attr", "torch") if name in sys.modules]
