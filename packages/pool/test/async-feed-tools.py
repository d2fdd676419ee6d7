# The async tools of the tests of streams as arguments.
import asyncio
import os

import terrarium
from terrarium import tool

seen = {}


@tool
async def total_async(rows, extra: int = 0):
    return sum([row async for row in rows]) + extra


@tool
async def kinds_async(rows):
    return [type(row).__name__ + ":" + str(len(row)) async for row in rows]


@tool
async def unread_async(rows):
    return "unread"


@tool
async def first_async(rows, count: int):
    return [await anext(rows) for _ in range(count)]


@tool
async def take_one_and_wait_async(rows, gate: str):
    await anext(rows)
    while not os.path.exists(gate):
        await asyncio.sleep(0.002)
    count = 1
    async for _ in rows:
        count += 1
    return count


@tool
async def close_and_wait_async(rows, gate: str):
    await anext(rows)
    await rows.aclose()
    while not os.path.exists(gate):
        await asyncio.sleep(0.002)
    return [row async for row in rows]


@tool
async def drop_and_wait_async(rows, gate: str):
    await anext(rows)
    del rows
    while not os.path.exists(gate):
        await asyncio.sleep(0.002)
    yield "dropped"


@tool
async def caught_async(rows):
    got = []
    try:
        async for row in rows:
            got.append(row)
    except terrarium.FeedError as error:
        return [got, error.type, error.message, error.feed, str(error), await anext(rows, "the end")]
    return [got]


@tool
async def wait_forever_async(rows, name: str):
    seen[name] = "begun"
    try:
        async for _ in rows:
            pass
    except BaseException as error:
        seen[name] = type(error).__name__ + " " + getattr(error, "type", "")
        raise


@tool
async def die_async(rows):
    await anext(rows)
    os._exit(3)


@tool
async def double_async(rows):
    async for row in rows:
        yield row + row


@tool
async def zipped_async(a, b):
    got = []
    async for x in a:
        got.append([x, await anext(b)])
    return got


@tool
async def what_was_seen_async(name: str):
    return seen.get(name)
