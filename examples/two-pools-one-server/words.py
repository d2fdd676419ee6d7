"""The tools of the pool `words`."""

from terrarium import tool


@tool
def count(text: str) -> dict[str, int]:
    words = text.split()
    return {word: words.count(word) for word in words}
