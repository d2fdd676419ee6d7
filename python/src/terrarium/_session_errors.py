"""The errors of opening a session: the host refuses this worker, or the session is lost."""

import os

from terrarium._version import PROTOCOL_VERSION, __version__


class Refused(Exception):
    """The host refused this worker, and would refuse it again. ``kind``: see BootFailure; ``hint``: whole sentences."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class SessionLost(Exception):
    """The host is gone, or closed the session."""


def mismatch(what: str) -> Refused:
    """For a host that speaks another version of the protocol. ``what``: which, in one clause."""
    return Refused(
        "protocol_mismatch",
        f"{what}; this is package terrarium {__version__}, which speaks {PROTOCOL_VERSION}",
        f"Use the Node packages and the Python package of the same release ({os.path.dirname(__file__)}).",
    )


def token_refused(why: str) -> Refused:
    message = f"the host refused the token of this worker: {why}"
    return Refused("token_refused", message, "Start workers through their host: a token is valid for one start.")
