"""Values apart: long bytes and arrays, which travel behind the msgpack of their value as segments, so that nothing is
copied into it or out of it. The msgpack refers to a segment by its index.
"""

import re
import struct
from collections.abc import Callable
from functools import cache

from terrarium._values._wire import APART, LEAST_APART

_REFERENCE = struct.Struct("<I")

_WRITABLE = 0x200
"""PyBUF_WRITE."""

_TO_BYTES = re.compile(rb"\xd6%c(....)" % APART, re.DOTALL)
"""A reference to bytes: an extension of 4 bytes. Other data may look like one."""


class Memory(bytearray):
    """The memory of an array that travelled apart. Nothing else refers to it, so an ndarray may be made in place."""

    __slots__ = ("kind",)

    kind: str
    """The type of the elements on the wire."""


class Arriving:
    """The segments of a value while they are received.

    Each segment gets the memory that its value needs: ``bytes`` for bytes, ``Memory`` for an array. Which of both it is
    the msgpack says, which arrives first; a wrong guess costs a copy.
    """

    def __init__(self, data: bytes) -> None:
        """``data``: the msgpack."""
        self._bytes = {_REFERENCE.unpack(index)[0] for index in _TO_BYTES.findall(data)}
        self.segments: list[bytes | Memory] = []
        """The segments so far, for ``decode``."""

    def memory(self, length: int) -> memoryview:
        """Adds a segment, and returns the memory to receive it into. Drop the view when the segment is complete."""
        fill = _filler() if len(self.segments) in self._bytes and length >= LEAST_APART else None
        if fill is not None:
            made, view = fill(length)
            self.segments.append(made)
            return view
        memory = _unfilled(length)
        self.segments.append(memory)
        return memoryview(memory)


Segment = bytes | memoryview
"""A segment to send. A view has one dimension of bytes."""


def flat(view: memoryview) -> memoryview:
    """The bytes of a contiguous view, in its memory if Python can show them so, else copied."""
    try:
        return view.cast("B")
    except TypeError:  # a format with a byte order: ctypes has such
        return memoryview(view.tobytes())


def _unfilled(length: int) -> Memory:
    """Memory that is about to be filled. To fill it with zeros first would cost 80 µs a MiB."""
    resize = _resizer() if length >= LEAST_APART else None
    if resize is None:
        return Memory(length)
    memory = Memory()
    resize(memory, length)
    return memory


@cache
def _resizer() -> "Callable[[Memory, int], int] | None":
    """A function that makes a bytearray longer and leaves the new bytes as they are; None for an interpreter that has
    no such function."""
    try:
        import ctypes

        prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_ssize_t)
        return prototype(("PyByteArray_Resize", ctypes.pythonapi))
    except (ImportError, AttributeError):
        return None


@cache
def _filler() -> "Callable[[int], tuple[bytes, memoryview]] | None":
    """A function that makes a bytes object and a view to fill it through; None for an interpreter that has no such
    function. The C API allows to fill a bytes object that PyBytes_FromStringAndSize made and nothing else has seen."""
    try:
        import ctypes

        size, pointer, thing = ctypes.c_ssize_t, ctypes.c_void_p, ctypes.py_object
        make = ctypes.PYFUNCTYPE(thing, pointer, size)(("PyBytes_FromStringAndSize", ctypes.pythonapi))
        address = ctypes.PYFUNCTYPE(pointer, thing)(("PyBytes_AsString", ctypes.pythonapi))
        view = ctypes.PYFUNCTYPE(thing, pointer, size, ctypes.c_int)(("PyMemoryView_FromMemory", ctypes.pythonapi))
    except (ImportError, AttributeError):
        return None

    def fill(length: int) -> "tuple[bytes, memoryview]":
        made = make(None, length)
        return made, view(address(made), length, _WRITABLE)

    return fill
