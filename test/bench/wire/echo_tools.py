"""What Terrarium is measured with."""

from terrarium import tool


@tool
def echo(data: bytes) -> bytes:
    """Answers with its argument."""
    return data
