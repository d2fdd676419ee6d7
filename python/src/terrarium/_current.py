"""The current call: the call that code runs for. A context variable, which goes wherever the context goes."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from terrarium._frames import Call

_call: "ContextVar[Call]" = ContextVar("terrarium_call")

note = _call.set
"""Notes the call. Call it in the context of the call; for a batch, with its first call."""


def current() -> "Call | None":
    """The call, and None outside any call. Tasks, ``asyncio.to_thread`` and whatever else copies the context of the
    call know it. A thread does not: start it with ``contextvars.copy_context().run``."""
    return _call.get(None)
