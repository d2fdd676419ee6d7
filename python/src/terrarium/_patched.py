"""Libraries that put threads and sockets of their own in place of Python's ("monkey patching")."""

import sys


class Patched(Exception):
    """What the session with the host, or a tool, runs on was replaced."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def check_threads() -> None:
    """Raises Patched if threads are not the system's: the session would wait for one that never runs."""
    if _gevent("threading") or _gevent("_thread"):
        raise _threads("gevent", "gevent.monkey.patch_all(thread=False)")
    if _eventlet("thread"):
        raise _threads("eventlet", "eventlet.monkey_patch(thread=False)")


def check_sockets() -> None:
    """Raises Patched if sockets or selectors are not Python's: an event loop of asyncio on them crashes the
    interpreter."""
    for library, is_patched in (("gevent", _gevent), ("eventlet", _eventlet)):
        modules = [name for name in ("select", "socket") if is_patched(name)]
        if modules:
            raise Patched(
                f"{library} has replaced {' and '.join(modules)} of the standard library, which asyncio needs for async tools",
                "Make the tools ordinary functions (def instead of async def), or leave these modules as they are.",
            )


def _threads(library: str, instead: str) -> Patched:
    return Patched(
        f"{library} has replaced the threads of the standard library, which the session with the host needs",
        f"Patch without them: {instead}. What needs {library}'s threads can run in a program of its own.",
    )


def _gevent(module: str) -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched(module))


def _eventlet(module: str) -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched(module))
