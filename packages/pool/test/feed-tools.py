# The tools of the tests of streams as arguments.
import asyncio
import os
import threading
import time

import terrarium
from terrarium import tool

seen = {}


@tool
def total(rows, extra: int = 0):
    return sum(rows) + extra


@tool
async def total_async(rows, extra: int = 0):
    return sum([row async for row in rows]) + extra


@tool
def kinds(rows):
    return [type(row).__name__ + ":" + str(len(row)) for row in rows]


@tool
async def kinds_async(rows):
    return [type(row).__name__ + ":" + str(len(row)) async for row in rows]


@tool
def unread(rows):
    return "unread"


@tool
async def unread_async(rows):
    return "unread"


@tool
def first(rows, count: int):
    return [next(rows) for _ in range(count)]


@tool
async def first_async(rows, count: int):
    return [await anext(rows) for _ in range(count)]


@tool
def take_one_and_wait(rows, gate: str):
    next(rows)
    while not os.path.exists(gate):
        time.sleep(0.002)
    return 1 + sum(1 for _ in rows)


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
def close_and_wait(rows, gate: str):
    next(rows)
    rows.close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    return list(rows)


@tool
async def close_and_wait_async(rows, gate: str):
    await anext(rows)
    await rows.aclose()
    while not os.path.exists(gate):
        await asyncio.sleep(0.002)
    return [row async for row in rows]


@tool
def drop_and_wait(rows, gate: str):
    next(rows)
    del rows
    while not os.path.exists(gate):
        time.sleep(0.002)
    yield "dropped"


@tool
async def drop_and_wait_async(rows, gate: str):
    await anext(rows)
    del rows
    while not os.path.exists(gate):
        await asyncio.sleep(0.002)
    yield "dropped"


@tool
def caught(rows):
    got = []
    try:
        for row in rows:
            got.append(row)
    except terrarium.FeedError as error:
        return [got, error.type, error.message, error.feed, str(error), next(rows, "the end")]
    return [got]


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
def wait_forever(rows, name: str):
    seen[name] = "begun"
    try:
        for _ in rows:
            pass
    except BaseException as error:
        seen[name] = type(error).__name__ + " " + getattr(error, "type", "")
        raise


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
def what_was_seen(name: str):
    return seen.get(name)


@tool
def die(rows):
    next(rows)
    os._exit(3)


@tool
async def die_async(rows):
    await anext(rows)
    os._exit(3)


@tool
def double(rows):
    for row in rows:
        yield row + row


@tool
async def double_async(rows):
    async for row in rows:
        yield row + row


@tool
def zipped(a, b):
    return [list(pair) for pair in zip(a, b)]


@tool
async def zipped_async(a, b):
    got = []
    async for x in a:
        got.append([x, await anext(b)])
    return got


@tool
def in_a_thread(rows):
    got = []
    thread = threading.Thread(target=lambda: got.extend(rows))
    thread.start()
    thread.join()
    return sum(got)


@tool(batch=4)
def batched(rows):
    return rows


@tool
def left_behind(rows):
    def late():
        time.sleep(0.05)
        try:
            seen["late"] = list(rows)
        except terrarium.FeedError as error:
            seen["late"] = str(error)

    threading.Thread(target=late).start()
    next(rows)
