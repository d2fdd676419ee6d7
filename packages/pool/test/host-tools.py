# The tools of the tests of host calls.
import asyncio
import contextvars
import os
import threading
import time

import terrarium
from terrarium import HostError, host, tool

seen = {}


def report(error):
    details = {name: value for name, value in error.details.items() if name in ("place", "cycle", "limit", "issues")}
    told = dict(code=error.code, type=error.type, message=error.message, details=details, hint=error.hint)
    return {**told, "stack": error.stack.split("\n")[0], "text": str(error)}


@tool
def call(name: str, args: list = (), named: dict = {}, timeout: float | None = None):
    return host.call(name, *args, timeout=timeout, **named)


@tool
async def acall(name: str, args: list = (), named: dict = {}, timeout: float | None = None):
    return await host.acall(name, *args, timeout=timeout, **named)


@tool
def caught(name: str, named: dict = {}, timeout: float | None = None):
    try:
        return {"value": host.call(name, timeout=timeout, **named)}
    except HostError as error:
        return report(error)


@tool
async def acaught(name: str, named: dict = {}, timeout: float | None = None):
    try:
        return {"value": await host.acall(name, timeout=timeout, **named)}
    except HostError as error:
        return report(error)


@tool
def in_thread(name: str, named: dict = {}):
    """The main thread waits for a thread with the context of the call."""
    got = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(lambda: got.append(host.call(name, **named)),))
    thread.start()
    thread.join()
    return got


@tool
async def in_threads(name: str, count: int):
    """Threads of an async tool: asyncio copies the context."""
    return await asyncio.gather(*(asyncio.to_thread(host.call, name, n=n) for n in range(count)))


@tool
def without_context(name: str):
    got = []

    def run():
        try:
            host.call(name)
        except HostError as error:
            got.append(report(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return got[0]


@tool
async def gathered(name: str, count: int):
    return await asyncio.gather(*(host.acall(name, n=n) for n in range(count)))


@tool
async def blocking(name: str):
    try:
        host.call(name)
    except RuntimeError as error:
        return str(error)


@tool
def both(name: str):
    try:
        host.call(name, 1, sku="a")
    except TypeError as error:
        return str(error)


@tool
def unsendable(name: str):
    try:
        host.call(name, rows=[{"price": object()}])
    except HostError as error:
        return report(error)


@tool
def raised_from(name: str):
    try:
        host.call(name)
    except HostError as error:
        raise LookupError("no price") from error


@tool
def time_left(name: str):
    return {"before": terrarium.deadline(), "in": host.call(name), "after": terrarium.deadline()}


@tool
def after(name: str, path: str):
    """Notes how its host call ended, where the test finds it."""
    try:
        host.call(name)
    except BaseException as error:
        with open(path + ".new", "w") as file:
            file.write(f"{type(error).__name__} {getattr(error, 'code', '')}")
        os.rename(path + ".new", path)
        raise


@tool
async def aafter(name: str, path: str):
    try:
        await host.acall(name)
    except BaseException as error:
        with open(path + ".new", "w") as file:
            file.write(type(error).__name__)
        os.rename(path + ".new", path)
        raise


@tool
def left_behind(name: str, path: str):
    """Its thread makes a host call that is open when the call ends, and one after that."""
    context = contextvars.copy_context()
    begun = threading.Event()

    def run():
        codes = []
        for _ in range(2):
            try:
                begun.set()
                host.call(name)
            except HostError as error:
                codes.append(error.code)
        with open(path + ".new", "w") as file:
            file.write(" ".join(codes))
        os.rename(path + ".new", path)

    threading.Thread(target=context.run, args=(run,), daemon=True).start()
    begun.wait()
    time.sleep(0.05)
    return "ended"


@tool
def items(name: str, named: dict = {}):
    return list(host.stream(name, **named))


@tool
async def aitems(name: str, named: dict = {}):
    return [item async for item in host.astream(name, **named)]


@tool
def some(name: str, count: int):
    got = []
    for item in host.stream(name):
        got.append(item)
        if len(got) == count:
            break
    return got


@tool
async def asome(name: str, count: int):
    got = []
    stream = host.astream(name)
    async for item in stream:
        got.append(item)
        if len(got) == count:
            break
    await stream.aclose()
    return got


@tool
def until(name: str):
    got = []
    try:
        for item in host.stream(name):
            got.append(item)
    except HostError as error:
        return {"items": got, **report(error)}


@tool
def slow_reader(name: str, gate: str):
    stream = host.stream(name)
    next(stream)
    while not os.path.exists(gate):
        time.sleep(0.005)
    return 1 + sum(1 for _ in stream)


@tool
def counted(name: str, n: int):
    """A generator that yields what the host says."""
    for i in range(n):
        yield host.call(name, n=i)


@tool
async def acounted(name: str, n: int):
    for i in range(n):
        yield await host.acall(name, n=i)


@tool(batch=4, within=0.05)
def batched(n: list[int]):
    return host.call("double", n=n)


@tool(batch=2, within=0.5)
def batch_nest(name: list[str]):
    return [host.call("nest", name=name[0], named={})] * len(name)


@tool
async def aleaf():
    return "aleaf"


@tool
def nest(name: str, named: dict = {}):
    return host.call("nest", name=name, named=named)


@tool
async def anest(name: str, named: dict = {}):
    return await host.acall("nest", name=name, named=named)


@tool
def leaf(value: str = "leaf"):
    return value


@tool
def hold(begun: str, gate: str):
    open(begun, "x").close()
    while not os.path.exists(gate):
        time.sleep(0.002)
    return "held"


@tool
def die_waiting(name: str):
    threading.Timer(0.05, os._exit, (3,)).start()
    host.call(name)


@tool
async def flood(name: str, count: int):
    answers = await asyncio.gather(*(host.acall(name) for _ in range(count)), return_exceptions=True)
    return sorted({answer.code if isinstance(answer, HostError) else str(answer) for answer in answers})
