"""Exit statuses of a worker that does not end in order.

It ends with ``os._exit``: no exit handlers, no waiting for threads.
"""

import os
import sys
import traceback

CONFIGURATION = 78
"""Nothing helps but a change of code or environment."""
EXCEPTION = 70
"""Something else was raised: before the worker was ready, or by nothing that a call could be told of."""
ENDED = 79
"""User code ended the process before the worker was ready."""
SESSION_LOST = 75
"""The session with the host ended, and nobody had asked for that."""


def say(what: str) -> None:
    """One line on standard error, whatever user code has made of ``sys.stderr`` or of descriptor 2. Never waits."""
    try:
        os.set_blocking(2, False)
        os.write(2, f"terrarium: {what}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def show_error() -> None:
    """The traceback of what is being handled, on standard error. Never raises."""
    sys.settrace(None)
    try:
        say(traceback.format_exc().strip())
    except Exception:
        pass


def of_child(error: "BaseException | None") -> int:
    """The status of a process that user code forked and that came out of it: what it would have been in a script."""
    if not isinstance(error, SystemExit):
        return int(error is not None)
    return error.code if isinstance(error.code, int) else int(error.code is not None)
