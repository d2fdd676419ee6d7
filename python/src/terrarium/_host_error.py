"""The error of a host call that has failed."""

from typing import Any


class HostError(Exception):
    """A function of the host has failed, or could not be called.

    ``type``: the name of the error in the host, for example ``RangeError``; ``message``: its message; ``stack``: where
    it was thrown, as JavaScript shows it, may be empty; ``details``: what else it carries; ``hint``: what to do, in
    whole sentences, may be empty. ``code``: the code that the error itself has, and otherwise

    - ``HOST_ERROR``: the function has thrown
    - ``NOT_EXPOSED``: no function of that name is exposed
    - ``INVALID_ARGUMENT``: the arguments are refused, or cannot be sent; ``details["place"]`` says which
    - ``CANCELLED``: the call was cancelled, or has ended
    - ``DEADLINE_EXCEEDED``: the time of the call, or the ``timeout`` of the host call, has passed
    - ``PAYLOAD_TOO_LARGE``, ``RESULT_NOT_SENDABLE``: what the function has returned cannot be sent
    - ``POOL_SATURATED``: too many host calls of this worker are open
    """

    def __init__(
        self,
        code: str,
        message: str,
        type: str = "",
        stack: str = "",
        hint: str = "",
        details: "dict[str, Any] | None" = None,
        number: int = 0,
    ) -> None:
        super().__init__(f"{type}: {message}" if type else message)
        self.code = code
        self.message = message
        self.type = type
        self.stack = stack
        self.hint = hint
        self.details = details or {}
        self._number = number


HostError.__module__ = "terrarium"  # as users name it, and as errors tell it

_DEEPEST = 16
"""So many exceptions are looked at, each the cause of the one before."""


def number_behind(error: "BaseException | None") -> int:
    """The number of the host call whose failure the exception is, or was raised from; 0 if there is none."""
    for _ in range(_DEEPEST):
        if error is None:
            return 0
        if isinstance(error, HostError):
            return error._number
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return 0
