"""Checks whether gevent or eventlet has replaced threads or sockets of the standard library ("monkey patching"), which
the session and async tools need as they are."""

import sys


class Patched(Exception):
    """A library has replaced modules that the session or an async tool needs."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def check_threads() -> None:
    """Raises Patched if threads are replaced: the session would wait for a thread that never runs."""
    if _gevent("threading") or _gevent("_thread"):
        raise _threads("gevent", "gevent.monkey.patch_all(thread=False)")
    if _eventlet("thread"):
        raise _threads("eventlet", "eventlet.monkey_patch(thread=False)")


def check_sockets() -> None:
    """Raises Patched if sockets or selectors are replaced: an asyncio event loop on them crashes the interpreter."""
    for library, is_patched in (("gevent", _gevent), ("eventlet", _eventlet)):
        modules = [name for name in ("select", "socket") if is_patched(name)]
        if modules:
            names = " and ".join(modules)
            raise Patched(
                f"{library} has replaced {names} of the standard library, which asyncio needs for async tools",
                "Make the tools ordinary functions (def instead of async def), or leave these modules as they are.",
            )


def _threads(library: str, instead: str) -> Patched:
    return Patched(
        f"{library} has replaced the threads of the standard library, which the session with the host needs",
        f"Patch without them: {instead}. Run code that needs {library}'s threads in a program of its own.",
    )


def _gevent(module: str) -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched(module))


def _eventlet(module: str) -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched(module))
