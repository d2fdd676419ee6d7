"""The tool that the bench calls to measure Terrarium."""

from terrarium import tool


@tool
def echo(data: bytes) -> bytes:
    """Returns its argument."""
    return data
