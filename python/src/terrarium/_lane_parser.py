"""Reads the frames of a host from the bytes of the socket lane, without a socket. Header and lengths are checked before
a body is read. ``docs/protocol.md`` has the rules."""

from collections.abc import Sequence
from typing import Any

from terrarium._frames import Call, Cancel, Credit, Extras, Feed, FeedEnd, HostFailure, HostFrame, HostItem, HostResult
from terrarium._frames import Ping, Refusal, SessionClose, SessionOpen, StreamCall, Welcome
from terrarium._lane_wire import APART, CALL, CANCEL, CREDIT, FEED, FEED_END, HEADER, HEADER_BYTES, HOST_FAILURE
from terrarium._lane_wire import HOST_ITEM, HOST_KIND, HOST_RESULT, LONGEST_PIECE, MOST_SEGMENTS, PART_OF_HOST, PING
from terrarium._lane_wire import REFUSED, SESSION, SESSION_CLOSE, SESSION_OPEN, SPIN, SPLIT, STREAM, WANTS_PROGRESS, WELCOME
from terrarium._values._apart import Arriving
from terrarium._values._decode import decode

_ROOM = 256 * 1024
"""How much is read at a time, in bytes. A longer body is read to where it stays."""
_KINDS_WITH_BODY = frozenset([WELCOME, REFUSED, PART_OF_HOST, HOST_RESULT, HOST_FAILURE, HOST_ITEM, FEED, SESSION_OPEN])
_MAY_HAVE_BODY = frozenset([CALL, FEED_END])
_MAY_HAVE_SEGMENTS = frozenset([CALL, HOST_RESULT, HOST_ITEM, FEED])
_MOST_CODE = {CALL: 0xFFFF, CANCEL: 1, REFUSED: 2, HOST_FAILURE: 0xFFFF, FEED: 0xFFFF, FEED_END: 0xFFFF}
_NO_SEGMENTS: "tuple[Any, ...]" = ()
_OF_CALL = STREAM | SESSION | WANTS_PROGRESS
"""The flags that say what a call is, and nothing of the form of its body."""

_Head = tuple[int, int, int, int, int]
"""Kind, flags, code, id, extra."""


class _Body:
    """A body that is read to where it stays: the buffer has no room for it, or it has segments."""

    def __init__(self, header: _Head, head: int, lengths: "Sequence[int]", session: int) -> None:
        """``head``: the length of the msgpack; ``lengths``: of the segments. In bytes."""
        self.session = session
        self.header = header
        self.head: Any = bytearray(head)
        self.missing = head + sum(lengths)
        self._lengths = iter(lengths)
        self._has_segments = bool(lengths)
        self._arriving: "Arriving | None" = None
        self._place = memoryview(self.head)

    def place(self, most: int) -> memoryview:
        """Where the next bytes belong, at most so many."""
        return self._place[:most]

    def arrived(self, count: int) -> None:
        """So many bytes are in their place."""
        self.missing -= count
        self._place = self._place[count:]
        if not self._has_segments:
            return
        while len(self._place) == 0:
            if self._arriving is None:
                self._arriving = Arriving(self.head)
            length = next(self._lengths, None)
            if length is None:
                return
            self._place = self._arriving.memory(length)

    def take(self, data: memoryview) -> None:
        """Copies the next bytes to their place."""
        while len(data) > 0:
            place = self.place(len(data))
            place[:] = data[: len(place)]
            data = data[len(place) :]
            self.arrived(len(place))

    @property
    def segments(self) -> "Sequence[Any]":
        return _NO_SEGMENTS if self._arriving is None else self._arriving.segments


class Parser:
    """Takes apart what a host sends. For one thread at a time: read the next bytes into ``place()``, then call
    ``arrived``."""

    def __init__(self) -> None:
        self.max_bytes = LONGEST_PIECE
        """The longest whole body, in bytes: what Welcome says."""
        self.buffer = bytearray(_ROOM)
        self.view = memoryview(self.buffer)
        self.filled = 0
        """How much of the buffer is taken by the beginning of a frame."""
        self.missing = 0
        """How many bytes of a frame are still to be read to where they stay; 0 between such frames."""
        self._body: "_Body | None" = None
        """The body that they belong to."""
        self._split: "_Body | None" = None
        """The split body whose parts have not all come."""

    def place(self) -> memoryview:
        """Where the next bytes are to be read to."""
        if self.missing and self._body is not None:
            return self._body.place(self.missing)
        return self.view[self.filled :] if self.filled else self.view

    def arrived(self, count: int) -> "list[HostFrame]":
        """The frames that are whole now that so many bytes are in ``place()``. Raises ValueError for bytes that the
        protocol does not allow."""
        body = self._body
        if body is None:
            self.filled += count
            return self._parse()
        body.arrived(count)
        self.missing -= count
        if self.missing:
            return []
        self._body = None
        return self._whole(body)

    def _parse(self) -> "list[HostFrame]":
        frames: "list[HostFrame]" = []
        buffer, filled, start = self.buffer, self.filled, 0
        while filled - start >= HEADER_BYTES:
            length, kind, flags, code, id, extra = HEADER.unpack_from(buffer, start)
            begin = start + HEADER_BYTES
            end = begin + length
            if kind == CALL and flags | SPIN == SPIN and end <= filled:
                frames.append(Call(id, code, buffer[begin:end], _NO_SEGMENTS, extra))
                start = end
                continue
            _check(length, kind, flags, code, id, extra)
            flags &= ~SPIN  # the short way of ``_receiving`` heeds it
            if flags | _OF_CALL == _OF_CALL and kind != PART_OF_HOST and length <= _ROOM - HEADER_BYTES:
                if end > filled:
                    break
                session = 0
                if flags & SESSION:
                    session = self._session(begin)
                    begin += 4
                head = (kind, flags, code, id, extra)
                frames.append(_frame(head, buffer[begin:end], _NO_SEGMENTS, session))
                start = end
                continue
            if kind == PART_OF_HOST:
                body: "_Body | None" = self._part(id, length)
            else:
                body, begin = self._begin(length, (kind, flags, code, id, extra), begin)
            if body is None:
                break
            there = min(end, filled)
            body.take(self.view[begin:there])
            start = there
            if there < end:
                self._body, self.missing = body, end - there
            else:
                frames += self._whole(body)
        self.filled = filled - start
        if 0 < start < filled:
            buffer[: self.filled] = buffer[start:filled]
        return frames

    def _whole(self, body: _Body) -> "list[HostFrame]":
        """The frame of a body, if nothing of it is missing."""
        if body.missing:
            return []
        if body is self._split:
            self._split = None
        return [_frame(body.header, body.head, body.segments, body.session)]

    def _part(self, id: int, length: int) -> _Body:
        split = self._split
        if split is None or split.header[3] != id:
            raise ValueError(f"it sent a part of a frame {id}, which is not open")
        if length > split.missing:
            raise ValueError(f"it sent a part of {length:,} bytes where {split.missing:,} are missing")
        return split

    def _begin(self, length: int, header: _Head, begin: int) -> "tuple[_Body | None, int]":
        """The body of a frame, and where in the buffer it begins behind the lengths; None if these have not come."""
        flags = header[1]
        total = length
        if flags & SPLIT:
            if self.filled - begin < 4:
                return None, begin
            total = self._number(begin)
            length -= 4
            begin += 4
            if self._split is not None:
                raise ValueError("it split a frame while another was open")
            if not length < total <= self.max_bytes:
                raise ValueError(f"it split a frame of {total:,} bytes, {length:,} of them in the first part")
        session = 0
        if flags & SESSION:
            if length < 4:
                raise ValueError(f"it sent a call of {length:,} bytes without the number of its session")
            if self.filled - begin < 4:
                return None, begin
            session = self._session(begin)
            length -= 4
            total -= 4
            begin += 4
        lengths: list[int] = []
        if flags & APART:
            if self.filled - begin < 4:
                return None, begin
            count = self._number(begin)
            table = 4 + 4 * count
            if not 0 < count <= MOST_SEGMENTS or table > length:
                raise ValueError(f"it sent a frame of {length:,} bytes with {count:,} segments")
            if self.filled - begin < table:
                return None, begin
            lengths = [self._number(begin + 4 + 4 * index) for index in range(count)]
            begin += table
            total -= table
        head = total - sum(lengths)
        if flags & APART and (head <= 0 or 0 in lengths):
            raise ValueError(f"it sent a frame whose segments do not add up to its {total:,} bytes")
        body = _Body(header, head, lengths, session)
        if flags & SPLIT:
            self._split = body
        return body, begin

    def _session(self, at: int) -> int:
        number = self._number(at)
        if number == 0:
            raise ValueError("it named a session 0, which is no number")
        return number

    def _number(self, at: int) -> int:
        return int.from_bytes(self.buffer[at : at + 4], "little")


def _check(length: int, kind: int, flags: int, code: int, id: int, extra: int) -> None:
    """Raises ValueError for a header that the protocol does not allow."""
    if kind not in HOST_KIND.values():
        raise ValueError(f"it sent a frame of kind {kind}, which this version does not know")
    of_body = flags & (APART | SPLIT)
    if (
        flags & ~(APART | SPLIT | SPIN | _OF_CALL)
        or (of_body and (kind == PART_OF_HOST or length == 0))
        or (flags & APART and kind not in _MAY_HAVE_SEGMENTS)
        or (flags & (SPIN | _OF_CALL) and kind != CALL)
    ):
        raise ValueError(f"it sent a frame of kind {kind} with flags {flags}")
    # Each of these flags puts a number before the bytes.
    if length > LONGEST_PIECE + (4 if flags & SPLIT else 0) or length <= 4 * of_body.bit_count() and of_body:
        raise ValueError(f"it sent a frame of {length:,} bytes")
    if flags & SESSION and length < 4:
        raise ValueError(f"it sent a call of {length:,} bytes without the number of its session")
    if (kind in _KINDS_WITH_BODY) != (length > 0) and kind not in _MAY_HAVE_BODY:
        raise ValueError(f"it sent a frame of kind {kind} {'with' if length else 'without'} a body")
    if code > _MOST_CODE.get(kind, 0) or (id and kind in (WELCOME, REFUSED)) or (extra and kind not in (CALL, CREDIT)):
        raise ValueError(f"it sent a frame of kind {kind} with code {code}, id {id} and extra {extra}")


def _frame(header: _Head, body: Any, segments: "Sequence[Any]", session: int) -> "HostFrame":
    kind, flags, code, id, extra = header
    if kind == CALL:
        call = (StreamCall if flags & STREAM else Call)(id, code, body, segments, extra)
        if flags & (SESSION | WANTS_PROGRESS):
            call.extras = Extras(flags & WANTS_PROGRESS != 0, session)
        return call
    if kind == CANCEL:
        return Cancel(id, code == 1)
    if kind == PING:
        return Ping(id)
    if kind == CREDIT:
        return Credit(id, extra)
    if kind == HOST_RESULT:
        return HostResult(id, body, segments)
    if kind == HOST_ITEM:
        return HostItem(id, body, segments)
    if kind == FEED:
        return Feed(id, code, body, segments)
    if kind == FEED_END and not body:
        return FeedEnd(id, code, None)
    if kind == SESSION_CLOSE:
        return SessionClose(id)
    fields = decode(bytes(body))
    if type(fields) is not dict:
        raise ValueError(f"it sent a frame of kind {kind} whose body is no map")
    if kind == FEED_END:
        return FeedEnd(id, code, (_text(kind, fields, "type"), _text(kind, fields, "message")))
    if kind == HOST_FAILURE:
        return _host_failure(id, code, fields)
    if kind == REFUSED:
        return Refusal(code, str(fields.get("message", "")))
    if kind == SESSION_OPEN:
        return SessionOpen(id, _text(kind, fields, "id"))
    most = fields.get("maxBytes", 0)
    if type(most) is not int or most <= 0:
        raise ValueError("its Welcome has no maxBytes")
    return Welcome(most)


def _text(kind: int, fields: "dict[str, Any]", key: str) -> str:
    text = fields.get(key, "")
    if not isinstance(text, str):
        raise ValueError(f"it sent a frame of kind {kind} whose {key} is no text")
    return text


def _host_failure(id: int, code: int, fields: "dict[str, Any]") -> HostFailure:
    told = {name: fields.get(name, "") for name in ("type", "message", "traceback", "hint", "place")}
    attributes = fields.get("attributes", b"")
    if not all(isinstance(text, str) for text in told.values()) or not isinstance(attributes, bytes):
        raise ValueError("it sent a HostFailure with a field of another type")
    return HostFailure(id, code, attributes=attributes, **told)
