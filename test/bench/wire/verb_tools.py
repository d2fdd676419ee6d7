"""The tools that the bench calls to measure streams, host calls and batches."""

import time
from typing import Any

from terrarium import host, tool


@tool
def repeat(data: bytes, count: int) -> Any:
    """Gives its argument so many times."""
    for _ in range(count):
        yield data


@tool
def ask(data: bytes, seconds: float) -> dict[str, Any]:
    """Makes host calls, one after the other. Returns how long each took, in µs, and the rate."""
    times = []
    begun = now = time.perf_counter()
    while not times or now - begun < seconds:
        answer = host.call("echo", data=data)
        times.append((time.perf_counter() - now) * 1e6)
        if answer != data:
            raise ValueError("the host has answered with other bytes")
        now = time.perf_counter()
    times.sort()
    return {"p50": times[(len(times) - 1) // 2], "rate": len(times) / (now - begun)}


@tool(batch=64)
def work(data: list[bytes]) -> list[bytes]:
    """Takes 1 ms, and 10 µs for each item, as a model does that runs beside Python."""
    time.sleep(0.001 + 10e-6 * len(data))
    return data
