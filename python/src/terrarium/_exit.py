"""Exit statuses of a worker that fails, and its last words on standard error. Such a worker exits with ``os._exit``: no
exit handlers run, and threads are not waited for."""

import os
import sys

CONFIGURATION = 78
"""A restart cannot help: the code or the environment has to change."""
EXCEPTION = 70
"""Another exception, raised before the worker was ready or outside of any call."""
ENDED = 79
"""User code ended the process before the worker was ready."""
SESSION_LOST = 75
"""The session with the host ended without an order to end."""


def say(what: str) -> None:
    """Writes a line to descriptor 2, whatever user code has done to ``sys.stderr``. Never blocks and never raises."""
    try:
        os.set_blocking(2, False)
        os.write(2, f"terrarium: {what}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def show_error() -> None:
    """Writes the traceback of the exception being handled to standard error. Never raises."""
    sys.settrace(None)
    try:
        from terrarium._late import late

        say(late("traceback").format_exc().strip())
    except Exception:
        pass


def of_child(error: "BaseException | None") -> int:
    """The exit status of a process that user code forked and that returned from it: the status it would have as a
    script. ``error``: the exception that it left with, if any."""
    if not isinstance(error, SystemExit):
        return int(error is not None)
    return error.code if isinstance(error.code, int) else int(error.code is not None)
