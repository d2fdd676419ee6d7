"""Async tools alone: their event loop runs on the main thread of the worker, if the session allows it."""

import asyncio
import contextvars
import decimal
import os
import sys
import threading
import time

from terrarium import tool

user = contextvars.ContextVar("user", default="of the module")
decimal.getcontext().prec = 50


@tool
async def echo(value=None):
    return value


@tool
async def where():
    """Whether it runs on the main thread, and how many threads there are."""
    return [threading.current_thread() is threading.main_thread(), threading.active_count()]


@tool
async def set_user(name):
    user.set(name)
    decimal.getcontext().prec = 7
    await asyncio.sleep(0)
    return [user.get(), decimal.getcontext().prec]


@tool
async def see_user():
    return [user.get(), decimal.getcontext().prec]


@tool
async def task_of_the_first_step():
    """The task in the first step is the task in all others, and can be cancelled and named."""
    first = asyncio.current_task()
    loop = asyncio.get_running_loop()
    known = first in asyncio.all_tasks()
    await asyncio.sleep(0)
    return [first is asyncio.current_task(), known, first.get_loop() is loop, isinstance(first, asyncio.Task)]


@tool
async def cancel_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)
    return "not cancelled"


@tool
async def time_out():
    """Enters a timeout in the first step."""
    if sys.version_info < (3, 11):
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.02)
        except asyncio.TimeoutError:
            return "timed out"
    try:
        async with asyncio.timeout(0.02):
            await asyncio.sleep(60)
    except TimeoutError:
        return "timed out"


@tool
async def group():
    """Enters a group of tasks in the first step: the task that fails cancels the other."""
    if sys.version_info < (3, 11):
        return "cancelled"
    seen = []

    async def wait():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def fail():
        raise LookupError

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wait())
            tasks.create_task(fail())
    except Exception as error:  # a group of one LookupError
        return seen[0] if isinstance(error.exceptions[0], LookupError) else repr(error)


@tool
async def nested():
    """Runs another coroutine of its own to the end, and makes tasks, before its first wait."""
    made = [asyncio.create_task(echo(value)) for value in range(3)]
    return [await echo("own"), *[await task for task in made]]


@tool
async def forever(begun=None):
    if begun:
        open(begun, "x").close()
    await asyncio.Event().wait()


@tool
async def append(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write("ran\n")


@tool
async def block(path):
    """Blocks the loop, and with it the main thread, until there is a file."""
    open(path + ".begun", "x").close()
    while not os.path.exists(path):
        time.sleep(0.002)
    return "blocked"


@tool
async def block_later(path):
    await asyncio.sleep(0.01)
    return await block(path)


@tool
async def throw(kind):
    raise {"SystemExit": SystemExit(3), "KeyboardInterrupt": KeyboardInterrupt(), "Value": ValueError("v")}[kind]


@tool
async def leave_a_task_that_exits():
    async def leave():
        sys.exit(3)

    made.append(asyncio.ensure_future(leave()))


made = []


@tool
async def stop_loop():
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "went on"


@tool
async def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@tool
async def fork_and_return():
    """Returns from the tool in the forked child too, as careless code does."""
    pid = os.fork()
    if pid == 0:
        return "the child"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@tool
async def fork_and_exit():
    await asyncio.sleep(0)
    pid = os.fork()
    if pid == 0:
        sys.exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@tool
async def leave_a_task():
    made.append(asyncio.create_task(asyncio.sleep(600)))


@tool
async def run_program():
    process = await asyncio.create_subprocess_exec("true")
    return await process.wait()


@tool
async def blob(size):
    return bytes(size)
