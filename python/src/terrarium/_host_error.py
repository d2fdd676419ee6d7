"""The error of a host call that has failed."""

from typing import Any, cast


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

# An exception of a tool may forbid to read its attributes: these read past its class.
_cause_of = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__
_hides_context = BaseException.__dict__["__suppress_context__"].__get__


def number_behind(error: "BaseException | None") -> int:
    """The number of the host call whose failure the exception is, or was raised from; 0 if there is none."""
    for _ in range(_DEEPEST):
        if error is None:
            return 0
        if issubclass(type(error), HostError):
            return cast(HostError, error)._number
        error = _cause_of(error) or (None if _hides_context(error) else _context_of(error))
    return 0
