# The generators of the tests of streams: each notes what it has made and how it ended.
import asyncio
import os
import time

from terrarium import tool

made = {}
ended = {}


@tool
def count(n: int, name: str = "count", size: int = 0):
    made[name] = 0
    try:
        for i in range(n):
            made[name] += 1
            yield "x" * size if size else i
        ended[name] = "end"
    finally:
        ended.setdefault(name, "closed")


@tool
async def count_async(n: int, name: str = "count", size: int = 0, pause: float = 0.0):
    made[name] = 0
    try:
        for i in range(n):
            made[name] += 1
            if pause:
                await asyncio.sleep(pause)
            yield "x" * size if size else i
        ended[name] = "end"
    finally:
        ended.setdefault(name, "closed")


@tool
async def seen(name: str):
    return {"made": made.get(name), "ended": ended.get(name), "pid": os.getpid()}


@tool
def fail(n: int):
    yield from range(n)
    raise LookupError("no more")


@tool
def die(n: int):
    yield from range(n)
    time.sleep(0.05)
    os._exit(3)


@tool
def hold(begun: str, gate: str):
    open(begun, "x").close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    yield "held"


@tool
def call_hold(begun: str, gate: str):
    open(begun, "x").close()
    while not os.path.exists(gate):
        time.sleep(0.002)


@tool
def arrays():
    import numpy

    for n in range(3):
        yield {"n": n, "array": numpy.full(100_000, n, "f4")}


@tool
def add(a: int, b: int):
    return a + b
