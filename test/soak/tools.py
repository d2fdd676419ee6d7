"""The tools that the soak calls: short and long values, sync and async, and every way for a call to end."""

import asyncio
import faulthandler
import itertools
import os
import signal
import time
from typing import Any

from terrarium import host, progress, session, tool

# When calls stall, the soak asks for the stacks of all threads.
faulthandler.register(signal.SIGUSR2, all_threads=True)


@tool
def echo(value: Any) -> Any:
    return value


@tool
async def echo_later(value: Any, seconds: float) -> Any:
    await asyncio.sleep(seconds)
    return value


@tool
def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@tool
def fail(message: str) -> None:
    raise ValueError(message)


@tool
def unsendable() -> Any:
    return object()


@tool
def say(text: str) -> int:
    print(text, flush=True)
    return len(text)


@tool
def mark(path: str, number: int) -> int:
    """Appends its number to a file, which shows each run of the call."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)
    return number


@tool
def die() -> None:
    os._exit(1)


generators = 0
"""How many generators have begun and have not ended."""


def counting(change: int) -> None:
    global generators
    generators += change


@tool
def count(n: int) -> Any:
    counting(1)
    try:
        yield from range(n)
    finally:
        counting(-1)


@tool
async def count_later(n: int) -> Any:
    counting(1)
    try:
        for i in range(n):
            if i % 64 == 0:
                await asyncio.sleep(0)
            yield i
    finally:
        counting(-1)


@tool
def open_generators() -> int:
    return generators


@tool
def total(rows: Any) -> Any:
    return sum(rows)


@tool
async def total_later(rows: Any) -> Any:
    return sum([row async for row in rows])


@tool
def first(rows: Any) -> Any:
    return next(rows)


@tool
async def copied(rows: Any) -> Any:
    counting(1)
    try:
        async for row in rows:
            yield row
    finally:
        counting(-1)


@tool(batch=16, within=0.002)
def next_of(value: Any) -> Any:
    return [each + 1 for each in value]


@tool
def ask(n: int) -> Any:
    return host.call("double", n=n)


@tool
async def ask_later(n: int) -> Any:
    return await host.acall("double", n=n)


@tool
def nest(n: int) -> Any:
    return host.call("again", n=n)


@tool
async def nest_later(n: int) -> Any:
    return await host.acall("again", n=n)


@tool
def refused() -> Any:
    return host.call("refuse")


@tool
def take(n: int, most: int) -> int:
    return sum(itertools.islice(host.stream("numbers", n=n), most))


@tool
async def take_later(n: int, most: int) -> int:
    total, left = 0, most
    async for number in host.astream("numbers", n=n):
        total += number
        left -= 1
        if left == 0:
            break
    return total


@tool
def advance(n: int) -> int:
    for done in range(1, n + 1):
        progress(done, n)
    return n


sessions = 0
"""How many sessions have begun here and are not closed."""


def close_session() -> None:
    global sessions
    sessions -= 1


@tool
def visit() -> int:
    """Counts its calls in the session."""
    global sessions
    mine = session()
    visits = mine.get("visits", 0) + 1
    if visits == 1:
        sessions += 1
        mine.on_close(close_session)
    mine.set("visits", visits)
    return visits


@tool
def open_sessions() -> int:
    return sessions


blocks_so_far = 0


@tool
async def blocks(size: int) -> Any:
    """Gives blocks without an end, and counts them."""
    global blocks_so_far
    while True:
        blocks_so_far += 1
        yield bytes(size)


@tool
async def blocks_made() -> int:
    return blocks_so_far
