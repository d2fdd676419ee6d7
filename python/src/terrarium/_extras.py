"""What a call has beside its arguments, as its tool finds it: in context variables, which go wherever the context of
the call goes."""

from terrarium import _progress
from terrarium._frames import Extras


def enter(extras: Extras) -> None:
    """Call it in the context of the call."""
    if extras.reporter is not None:
        _progress.note(extras.reporter)
