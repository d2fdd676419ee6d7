"""Tools: functions that a Terrarium host calls in supervised workers.

Mark the functions with ``@tool``, and name the file to the host::

    from terrarium import tool

    @tool
    def word_count(text: str) -> dict[str, int]:
        words = text.split()
        return {word: words.count(word) for word in words}

This module uses the standard library only, so that code with tools can be imported, typed and tested anywhere.
"""

from terrarium._deadline import deadline
from terrarium._feed_error import FeedError
from terrarium._host import host
from terrarium._host_error import HostError
from terrarium._progress import progress
from terrarium._sessions import ToolSession, session
from terrarium._tools import ToolError, tool
from terrarium._values._registry import register_type
from terrarium._version import PROTOCOL_VERSION, __version__

__all__ = [
    "PROTOCOL_VERSION",
    "FeedError",
    "HostError",
    "ToolError",
    "ToolSession",
    "__version__",
    "deadline",
    "host",
    "progress",
    "register_type",
    "session",
    "tool",
]
