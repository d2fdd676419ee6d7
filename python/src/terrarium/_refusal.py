"""How a session can fail to open."""


class Refused(Exception):
    """The host turned this worker away, and would do so again."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class SessionLost(Exception):
    """The host went away, or closed the session."""
