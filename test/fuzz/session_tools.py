"""The tools of the workers that the fuzz sends damaged frames to."""

import asyncio
from typing import Any

from terrarium import tool


@tool
def echo(text: str = "", n: int = 0) -> "list[Any]":
    return [text, n]


@tool
def fail(text: str = "", n: int = 0) -> None:
    raise ValueError(text)


@tool
async def later(text: str = "", n: int = 0) -> int:
    await asyncio.sleep(0)
    return n
