"""The tool that the bench calls to measure Terrarium as it was."""

from terrarium import tool


@tool
def echo(data: bytes) -> bytes:
    """Returns its argument."""
    return data
