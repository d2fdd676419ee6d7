"""Runs the generators of async tools, beside the other calls of the event loop."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from terrarium._frames import Failure, StreamCall
from terrarium._streams import FLUSH_EVERY, Items

_LONGEST_TURN = 0.001
"""How long an async generator may run before other tasks have a turn, in seconds."""


async def send_all(
    items: Items,
    call: StreamCall,
    positional: "list[Any]",
    arguments: "dict[str, Any]",
    flush: "Callable[[], None]",
    flush_soon: "Callable[[], None]",
) -> "Failure | BaseException | None":
    """Sends the items until there are no more, or the stream is cancelled, or an item cannot be sent. Returns that
    failure, or what the tool has raised."""
    send = items.send
    flushed, turned = 0.0, monotonic()
    failure: "Failure | None" = None
    outcome: "BaseException | None" = None
    generator = None
    try:
        generator = call.tool.function(*positional, **arguments)
        # Only the generator holds the arguments now: an iterator among them that it drops is closed.
        positional.clear()
        arguments.clear()
        async for value in generator:
            if call.cancelled:
                break
            failure = send(call, value)
            if failure is not None:
                break
            now = monotonic()
            if now - flushed > FLUSH_EVERY:
                flush()
                flushed = now
            else:
                flush_soon()
            if call.must_wait:
                flush()
                await _await_credit(call)
            elif now - turned > _LONGEST_TURN:
                await asyncio.sleep(0)
                turned = monotonic()
    except BaseException as error:  # SystemExit too: it ends the stream, not the worker
        outcome = error
    try:
        if generator is not None:
            await generator.aclose()
    except BaseException as error:
        outcome = error
    return failure or outcome


async def _await_credit(call: StreamCall) -> None:
    while call.must_wait:
        future = call.wake = asyncio.get_running_loop().create_future()
        if call.must_wait:  # the thread that receives may have seen no future
            await future


def wake(call: StreamCall) -> None:
    """There is credit. For the thread of the event loop."""
    future = call.wake
    if future is not None and not future.done():
        future.set_result(None)
