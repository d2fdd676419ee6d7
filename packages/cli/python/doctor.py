"""The tool that `terrarium doctor` calls on a trial worker."""

from terrarium import tool


@tool
def ping() -> str:
    """Prove that a call gets through."""
    return "pong"
