"""As much of msgpack as the second peer needs: https://msgpack.org, and the extensions of docs/values.md as they are.

An extension is read as ``Extension`` and written as it was read. ``Apart`` is an array that travels apart, as
docs/protocol.md says.
"""

import struct
from dataclasses import dataclass

APART = 8
FROM = 64 * 1024
"""Bytes of at least so many travel apart."""


@dataclass
class Extension:
    type: int
    payload: bytes


@dataclass
class Apart:
    """An array that came apart: the payload of extension 1 without its elements, and the elements."""

    header: bytes
    segment: bytes


def pack(value, segments=None):
    """``segments``: the list that takes long bytes; None packs everything in place."""
    out = bytearray()
    _pack(value, out, segments)
    return bytes(out)


def _pack(value, out, segments):
    if value is None:
        out.append(0xC0)
    elif value is False or value is True:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        data = value.encode()
        _head(out, len(data), (0xA0, 31), (0xD9, 0xDA, 0xDB))
        out += data
    elif isinstance(value, bytes):
        if segments is not None and len(value) >= FROM:
            _extension(out, APART, struct.pack("<I", _segment(segments, value)))
        else:
            _head(out, len(value), None, (0xC4, 0xC5, 0xC6))
            out += value
    elif isinstance(value, Apart):
        _extension(out, APART, struct.pack("<I", _segment(segments, value.segment)) + value.header)
    elif isinstance(value, Extension):
        _extension(out, value.type, value.payload)
    elif isinstance(value, list):
        _head(out, len(value), (0x90, 15), (None, 0xDC, 0xDD))
        for each in value:
            _pack(each, out, segments)
    else:
        _head(out, len(value), (0x80, 15), (None, 0xDE, 0xDF))
        for key, each in value.items():
            _pack(key, out, segments)
            _pack(each, out, segments)


def _pack_int(value, out):
    if -32 <= value < 128:
        out += struct.pack("b" if value < 0 else "B", value)
        return
    forms = ((0xCC, ">BB"), (0xCD, ">BH"), (0xCE, ">BI"), (0xCF, ">BQ"))
    if value < 0:
        forms = ((0xD0, ">Bb"), (0xD1, ">Bh"), (0xD2, ">Bi"), (0xD3, ">Bq"))
    for first, form in forms:
        try:
            out += struct.pack(form, first, value)
            return
        except struct.error:
            pass
    raise ValueError(f"{value} has more than 64 bits")


def _head(out, length, fixed, sizes):
    if fixed is not None and length <= fixed[1]:
        out.append(fixed[0] | length)
        return
    for first, form, most in zip(sizes, (">BB", ">BH", ">BI"), (0xFF, 0xFFFF, 0xFFFFFFFF)):
        if first is not None and length <= most:
            out += struct.pack(form, first, length)
            return


def _extension(out, type, payload):
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(payload))
    if fixed is None:
        _head(out, len(payload), None, (0xC7, 0xC8, 0xC9))
    else:
        out.append(fixed)
    out += struct.pack("b", type) + payload


def _segment(segments, data):
    segments.append(data)
    return len(segments) - 1


def unpack(data, segments=()):
    """One value, which has to be all of ``data``, and to refer to each segment once."""
    reader = _Reader(data, segments)
    value = reader.value()
    if reader.at != len(data):
        raise ValueError("more than one value")
    if reader.missing:
        raise ValueError("a segment that nothing refers to")
    return value


class _Reader:
    def __init__(self, data, segments):
        self.data = data
        self.at = 0
        self.segments = segments
        self.missing = set(range(len(segments)))

    def take(self, count):
        end = self.at + count
        if end > len(self.data):
            raise ValueError("it ends in the middle of a value")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        first = self.number("B")
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 256
        if first < 0x90:
            return self.map(first & 15)
        if first < 0xA0:
            return self.list(first & 15)
        if first < 0xC0:
            return self.text(first & 31)
        if first in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[first]
        numbers = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
        numbers |= {0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
        if first in numbers:
            return self.number(numbers[first])
        if 0xD4 <= first <= 0xD8:
            return self.extension(1 << (first - 0xD4))
        kinds = {0xC4: self.take, 0xC7: self.extension, 0xD9: self.text}
        for start, read in kinds.items():
            if start <= first < start + 3:
                return read(self.number((">B", ">H", ">I")[first - start]))
        if first == 0xC1:
            raise ValueError("a byte that msgpack does not use")
        size = self.number(">I" if first & 1 else ">H")
        return self.list(size) if first < 0xDE else self.map(size)

    def text(self, size):
        return self.take(size).decode()

    def list(self, size):
        return [self.value() for _ in range(size)]

    def map(self, size):
        return {self.value(): self.value() for _ in range(size)}

    def extension(self, size):
        type = self.number("b")
        payload = self.take(size)
        if type != APART:
            return Extension(type, payload)
        index = int.from_bytes(payload[:4], "little")
        if index not in self.missing:
            raise ValueError("a segment that there is not, or that is referred to twice")
        self.missing.remove(index)
        segment = self.segments[index]
        return segment if size == 4 else Apart(payload[4:], segment)
