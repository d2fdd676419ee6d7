"""The deadline of the current call, as its tool sees it."""

from time import monotonic

from terrarium._current import current


def deadline() -> "float | None":
    """What is left of the time of the current call, in seconds: its caller's ``timeout`` less what the queue, the way
    and the tool have taken so far, and at least 0. None if the call has no deadline, and outside any call.

    Tasks, ``asyncio.to_thread`` and whatever else copies the context of the call know it. A thread does not: start it
    with ``contextvars.copy_context().run``.
    """
    call = current()
    if call is None:
        return None
    # A batch has the latest deadline of its calls, and none if a call has none.
    deadlines = [each.deadline for each in call.batch or [call]]
    if None in deadlines:
        return None
    return max(0.0, max(due for due in deadlines if due is not None) - monotonic())
