"""The tool that the bench calls to measure async tools. Its worker has no other."""

from terrarium import tool


@tool
async def echo(data: bytes) -> bytes:
    """Returns its argument."""
    return data
