"""Generators for the tests of streams. Each notes how many items it has made and how it has ended."""

import asyncio
import contextvars
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from terrarium import tool

made = {}
ended = {}
variable = contextvars.ContextVar("variable", default="none")


@tool
def count(name: str, n: int, size: int = 0) -> Iterator[object]:
    made[name] = 0
    ended.pop(name, None)
    try:
        for i in range(n):
            made[name] += 1
            yield b"x" * size if size else i
        ended[name] = "end"
    except GeneratorExit:
        ended[name] = "closed"
        raise


@tool
async def count_async(name: str, n: int, size: int = 0, pause: float = 0.0) -> AsyncIterator[object]:
    made[name] = 0
    ended.pop(name, None)
    try:
        for i in range(n):
            made[name] += 1
            if pause:
                await asyncio.sleep(pause)
            yield b"x" * size if size else i
        ended[name] = "end"
    except (GeneratorExit, asyncio.CancelledError) as error:
        ended[name] = "closed" if isinstance(error, GeneratorExit) else "cancelled"
        raise


@tool
async def seen(name: str) -> list[object]:
    """Beside whatever the main thread does."""
    return [made.get(name), ended.get(name)]


@tool
def fail(n: int):
    yield from range(n)
    raise LookupError("no more")


@tool
async def fail_async(n: int):
    for i in range(n):
        yield i
    raise LookupError("no more")


@tool
def leave():
    yield 1
    raise SystemExit(3)


@tool
def unsendable(name: str):
    try:
        yield 1
        yield object()
    finally:
        ended[name] = "closed"


@tool
async def unsendable_async(name: str):
    try:
        yield 1
        yield object()
    finally:
        ended[name] = "closed"


@tool
def stubborn():
    """Goes on after it was closed."""
    while True:
        try:
            yield 1
        except GeneratorExit:
            yield 2


@tool
def returns():
    yield 1
    return object()


@tool
def contexts():
    yield variable.get()
    variable.set("mine")
    yield variable.get()


@tool
def forks():
    if os.fork() == 0:
        yield "from the child"
    yield "from the parent"


@tool
def pieces(lengths: list):
    for length in lengths:
        yield bytes([length % 251]) * length


@tool
async def pieces_async(lengths: list):
    for length in lengths:
        yield bytes([length % 251]) * length


@tool
def typed() -> Iterator[dict[int, str]]:
    yield {}
    yield {1: "one"}


@tool
def slow(begun: str):
    """Its second item takes until the file is gone."""
    yield 1
    Path(begun).touch()
    while Path(begun).exists():
        time.sleep(0.005)
    yield 2


@tool
def plain(x: int) -> int:
    return x


@tool
async def plain_async(x: int) -> int:
    return x
