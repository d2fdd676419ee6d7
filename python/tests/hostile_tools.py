"""Tools that misbehave in every way, for the tests that each of their calls is answered all the same."""

import asyncio
import contextvars
import decimal
import os
import sys
import threading
import time

from terrarium import tool

user = contextvars.ContextVar("user")
user.set("of the module")
decimal.getcontext().prec = 50


@tool
def see_user():
    return [user.get("unset"), decimal.getcontext().prec]


@tool
async def see_user_async():
    return [user.get("unset"), decimal.getcontext().prec]


@tool
def set_user(name):
    user.set(name)
    decimal.getcontext().prec = 7
    return [user.get(), decimal.getcontext().prec]


@tool
async def set_user_async(name):
    user.set(name)
    decimal.getcontext().prec = 7
    await asyncio.sleep(0.01)
    return [user.get(), decimal.getcontext().prec]


class SetsUser(Exception):
    @property
    def seen(self):
        user.set("of a property")
        return "seen"

    def __str__(self):
        user.set("of a text")
        return "text"


@tool
def raise_sets_user():
    raise SetsUser


class Silent:
    def write(self, _text):
        raise RuntimeError("no")

    flush = write


@tool
def replace_streams():
    sys.stdout = sys.stderr = Silent()


@tool
def close_stderr():
    os.close(2)


@tool
def exit_in_thread(status):
    threading.Thread(target=os._exit, args=[status]).start()
    time.sleep(60)


class Text(str):
    def __len__(self):
        raise RuntimeError("no length")

    split = replace = encode = __len__


class Nasty(type):
    def __getattribute__(cls, name):
        if name in ("__qualname__", "__name__", "__module__"):
            raise RuntimeError("no name")
        return super().__getattribute__(name)


class NastyError(Exception, metaclass=Nasty):
    __module__ = 7


class Evil(Exception):
    def __init__(self, error):
        self._error = error

    def __str__(self):
        raise self._error


class OwnText(Exception):
    def __str__(self):
        return Text("own")


class Closed(Exception):
    def __getattribute__(self, name):
        raise RuntimeError(f"no {name}")


# A class without a module, as in a program that is run by exec() without __name__.
Homeless = eval("type('Homeless', (Exception,), {})", {"__builtins__": {"type": type, "Exception": Exception}})

KINDS = {
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration(7),
    "StopAsyncIteration": StopAsyncIteration,
    "CancelledError": asyncio.CancelledError,
    "RecursionError": RecursionError,
    "MemoryError": MemoryError,
    "text that exits": lambda: Evil(SystemExit(1)),
    "text that is interrupted": lambda: Evil(KeyboardInterrupt()),
    "text of its own": OwnText,
    "nasty class": NastyError,
    "class of no module": Homeless,
    "attributes that raise": lambda: Closed("closed"),
    "huge text": lambda: ValueError("x" * 100_000_000),
}


@tool
def throw(kind):
    raise KINDS[kind]()


@tool
async def throw_async(kind):
    raise KINDS[kind]()


@tool
def coroutine():
    return asyncio.sleep(0)


class Odd:
    @property
    def __dict__(self):
        raise SystemExit(1)

    @property
    def __dataclass_fields__(self):
        raise KeyboardInterrupt


@tool
def odd_value():
    return [Odd()]


@tool
async def stop_loop():
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "went on"


@tool
async def cancel_others():
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@tool
async def forever(begun=None):
    if begun:
        open(begun, "x").close()
    await asyncio.Event().wait()


@tool
async def block_loop(seconds):
    time.sleep(seconds)
    return "blocked"


@tool
def hold(path):
    open(path + ".begun", "x").close()
    while not os.path.exists(path):
        time.sleep(0.002)
    return "held"


@tool
def append(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write("ran\n")
    return "appended"


class Rich(ValueError):
    slot_less = "a constant of the class is no attribute of the exception"

    def __init__(self, **attributes):
        super().__init__("rich", 7)
        self.__dict__.update(attributes)
        self._private = "not sent"

    @property
    def computed(self):
        return {"from": "a property"}

    @property
    def broken(self):
        raise SystemExit("a property that raises")

    def method(self):
        return 1


class Slotted(Exception):
    __slots__ = ("row",)


@tool
def raise_rich(**attributes):
    raise Rich(**attributes, unsendable=object(), own_function=len, huge="x" * 20_000)


@tool
async def raise_rich_async(**attributes):
    raise Rich(**attributes)


@tool
def raise_many():
    raise Rich(**{f"a{n:03}": "x" * 10_000 for n in range(100)})


@tool
def raise_slotted(row):
    error = Slotted("slotted")
    error.row = row
    raise error


CONSTANT = LookupError("always the same")


@tool
def raise_constant(secret):
    local = secret  # noqa: F841  a traceback would keep it alive
    raise CONSTANT


@tool
def constant_keeps():
    return CONSTANT.__traceback__ is not None


@tool
def open_missing():
    open("/nowhere/at all")


@tool
def fail_in_group():
    def leaf(text):
        try:
            raise ValueError(text)
        except ValueError as error:
            error.add_note(f"a note on {text}")
            return error

    raise ExceptionGroup("several", [leaf("first"), leaf("second")]) from KeyError("the cause")


@tool
def trace_and_linger():
    threading.Thread(target=time.sleep, args=[1000]).start()
    sys.settrace(lambda *_: 1 / 0)
