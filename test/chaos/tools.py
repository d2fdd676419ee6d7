"""The tools of the workers in the chaos."""

import time

import descendants

from terrarium import tool


@tool
def plant() -> int:
    """Leaves one descendant of each kind behind; returns their number."""
    for kind in descendants.KINDS.values():
        kind()
    return len(descendants.KINDS)


@tool
def echo(value: object) -> object:
    return value


@tool
def sleep(seconds: float) -> None:
    time.sleep(seconds)
