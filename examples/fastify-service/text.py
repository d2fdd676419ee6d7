"""Counts words, and takes its time if asked to."""

import asyncio
from collections import Counter

from terrarium import tool


@tool
async def count(text: str, seconds: float = 0) -> dict[str, int]:
    await asyncio.sleep(seconds)
    return dict(Counter(text.split()))
