"""The two errors of opening a session: the host refuses this worker, or the session is lost."""


class Refused(Exception):
    """The host refused this worker, and would refuse it again. ``kind``: see BootFailure; ``hint``: whole sentences."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class SessionLost(Exception):
    """The host is gone, or closed the session."""
