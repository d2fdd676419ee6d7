"""The deadline of the current call, as its tool sees it: a context variable, which goes wherever the context goes."""

from contextvars import ContextVar
from time import monotonic

_deadline: "ContextVar[float]" = ContextVar("terrarium_deadline")

note = _deadline.set
"""Notes the deadline of a call, in seconds on the monotonic clock. Call it in the context of the call."""


def deadline() -> "float | None":
    """What is left of the time of the current call, in seconds: its caller's ``timeout`` less what the queue, the way
    and the tool have taken so far, and at least 0. None if the call has no deadline, and outside any call.

    Tasks, ``asyncio.to_thread`` and whatever else copies the context of the call know it. A thread does not: start it
    with ``contextvars.copy_context().run``.
    """
    due = _deadline.get(None)
    return None if due is None else max(0.0, due - monotonic())
