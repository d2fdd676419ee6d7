# The sync tools of the tests of streams as arguments.
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
def kinds(rows):
    return [type(row).__name__ + ":" + str(len(row)) for row in rows]


@tool
def unread(rows):
    return "unread"


@tool
def first(rows, count: int):
    return [next(rows) for _ in range(count)]


@tool
def take_one_and_wait(rows, gate: str):
    next(rows)
    while not os.path.exists(gate):
        time.sleep(0.002)
    return 1 + sum(1 for _ in rows)


@tool
def close_and_wait(rows, gate: str):
    next(rows)
    rows.close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    return list(rows)


@tool
def drop_and_wait(rows, gate: str):
    next(rows)
    del rows
    while not os.path.exists(gate):
        time.sleep(0.002)
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
def wait_forever(rows, name: str):
    seen[name] = "begun"
    try:
        for _ in rows:
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
def double(rows):
    for row in rows:
        yield row + row


@tool
def zipped(a, b):
    return [list(pair) for pair in zip(a, b)]


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
