"""The exception of an argument that is a stream. It has a module of its own because tools import it."""


class FeedError(Exception):
    """An argument that is a stream has failed: its source in Node has thrown, or an item could not be sent or read.

    ``type``: the name of the error in Node; ``message``: its message; ``feed``: which of the call's arguments that are
    streams it was, from 0. Let it through, and the caller sees the error of the source as the cause. It is raised with
    the type ``Cancelled`` when more is asked for after the call was cancelled, or is over.
    """

    def __init__(self, type: str, message: str, feed: int) -> None:
        super().__init__(f"{type}: {message}" if message else type)
        self.type = type
        self.message = message
        self.feed = feed

    def __reduce__(self) -> "tuple[type[FeedError], tuple[str, str, int]]":
        return FeedError, (self.type, self.message, self.feed)


FeedError.__module__ = "terrarium"
