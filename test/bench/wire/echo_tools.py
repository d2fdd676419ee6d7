"""The tools that the bench calls to measure Terrarium."""

from typing import Any

from terrarium import tool


@tool
def echo(data: bytes) -> bytes:
    """Returns its argument."""
    return data


@tool
def same(data: Any) -> Any:
    """Returns its argument, of any type."""
    return data
