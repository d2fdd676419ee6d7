"""The page of begun calls: a file that worker and host have in common. The worker notes each call in it before the
call's tool is entered, so that the host knows after any death of the worker which calls had begun."""

import mmap
import os
from array import array
from typing import Any

WORDS = 4096
"""The number of 32-bit words in the file. The word of a call is that with the number ``id % WORDS``: it has begun if
and only if the word is its id. The host chooses ids so that no two open calls share a word."""


def open_page(path: "str | None") -> Any:
    """The words of the file at this path, mapped into memory: what is stored outlives the process. Without a path,
    words that no other process sees. Raises OSError or ValueError."""
    if path is None:
        return array("I", bytes(4 * WORDS))
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return memoryview(mmap.mmap(descriptor, 4 * WORDS)).cast("I")
    finally:
        os.close(descriptor)
