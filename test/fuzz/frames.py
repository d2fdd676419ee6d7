"""The frames of a host as bytes, a reader of them that is written from docs/protocol.md alone, and their mutations.

The fuzz compares what this reader says of damaged bytes with what the worker's own parser says.
"""

import random
import struct

HEADER = struct.Struct("<IBBHII")
WELCOME, REFUSED, CALL, CANCEL, PING, PART, CREDIT = range(16, 23)
HOST_RESULT, HOST_FAILURE, HOST_ITEM, FEED, FEED_END, SESSION_OPEN, SESSION_CLOSE = range(23, 30)
IS_APART, IS_SPLIT, MAY_SPIN, IS_STREAM, OF_SESSION, WANTS_PROGRESS = 1, 2, 4, 8, 32, 64
OF_CALL = MAY_SPIN | IS_STREAM | OF_SESSION | WANTS_PROGRESS
VALUE = IS_APART | IS_SPLIT
FLAGS = {
    **dict.fromkeys([HOST_RESULT, HOST_ITEM, FEED], VALUE),
    **dict.fromkeys([WELCOME, REFUSED, HOST_FAILURE, FEED_END, SESSION_OPEN], IS_SPLIT),
    CALL: VALUE | OF_CALL,
}
"""What each kind may have."""
MOST_CODE = {CANCEL: 1, REFUSED: 2, **dict.fromkeys([CALL, HOST_FAILURE, FEED, FEED_END], 0xFFFF)}
WITHOUT_BODY = (CANCEL, PING, CREDIT, SESSION_CLOSE)
MAY_HAVE_BODY = (CALL, FEED_END)
MAPS = (WELCOME, REFUSED, HOST_FAILURE, FEED_END, SESSION_OPEN)
LONGEST = (1024 + 64) * 1024
MOST_SEGMENTS = 4096


class Wrong(Exception):
    """Bytes that the protocol does not allow."""


def frame(kind, body=b"", code=0, id=0, extra=0, flags=0):
    return HEADER.pack(len(body), kind, flags, code, id, extra) + body


def split(whole, *lengths):
    """A frame as a split frame, whose body is cut into pieces of these lengths and the rest."""
    length, kind, flags, code, id, extra = HEADER.unpack_from(whole)
    body = whole[HEADER.size :]
    pieces, at = [], 0
    for size in [*lengths, length]:
        piece = body[at : at + size]
        at += len(piece)
        if pieces and piece:
            pieces.append(frame(PART, piece, id=id))
        elif not pieces:
            pieces.append(frame(kind, struct.pack("<I", length) + piece, code, id, extra, flags | IS_SPLIT))
    return pieces


def apart(data, *segments):
    return struct.pack(f"<{1 + len(segments)}I", len(segments), *map(len, segments)) + data + b"".join(segments)


def read(data, most):
    """The frames in these bytes, as (kind, code, id, extra, flags, session, msgpack, segments), up to the first that is
    not whole, and whether bytes are wrong. The flags are STREAM and PROGRESS. A body that is to be a map is not looked
    into."""
    frames, at, open_split = [], 0, None
    try:
        while len(data) - at >= HEADER.size:
            length, kind, flags, code, id, extra = HEADER.unpack_from(data, at)
            check_header(length, kind, flags, code, id, extra)
            start, at = at + HEADER.size, at + HEADER.size + length
            body = data[start:at]
            if kind == PART:
                if open_split is None or open_split[1][2] != id or length > open_split[0] - len(open_split[2]):
                    raise Wrong
                total, head, parts = open_split
                parts += body
                if len(body) < length:
                    break
                if len(parts) < total:
                    continue
                open_split = None
                frames.append((*head[:4], *whole(bytes(parts), head[4])))
            elif flags & IS_SPLIT:
                if open_split is not None or length <= 4 or (flags & IS_APART and length <= 8):
                    raise Wrong
                if len(body) < 4:
                    break
                total = int.from_bytes(body[:4], "little")
                if not length - 4 < total <= most:
                    raise Wrong
                open_split = total, (kind, code, id, extra, flags), bytearray(body[4:])
                check_table(body[4:], length - 4, total, flags)
            else:
                check_table(body, length, length, flags)
                if len(body) == length:
                    frames.append((kind, code, id, extra, *whole(body, flags)))
    except Wrong:
        return frames, True
    return frames, False


def check_header(length, kind, flags, code, id, extra):
    if not WELCOME <= kind <= SESSION_CLOSE:
        raise Wrong
    if flags & ~FLAGS.get(kind, 0) or code > MOST_CODE.get(kind, 0):
        raise Wrong
    if (id and kind in (WELCOME, REFUSED)) or (extra and kind not in (CALL, CREDIT)):
        raise Wrong
    if length > LONGEST + (4 if flags & IS_SPLIT else 0):
        raise Wrong
    if kind not in MAY_HAVE_BODY and (kind in WITHOUT_BODY) != (length == 0):
        raise Wrong
    if flags & VALUE and not length or flags & OF_SESSION and length < (8 if flags & IS_SPLIT else 4):
        raise Wrong


def check_table(body, length, total, flags):
    """Raises Wrong as soon as the beginning of a body shows a table that does not add up. ``length``: of the first
    frame, which has the table; ``total``: of the whole body. The number of a session stands before the table."""
    if flags & OF_SESSION:
        if length < 4:
            raise Wrong
        if len(body) < 4:
            return
        if not any(body[:4]):
            raise Wrong
        body, length, total = body[4:], length - 4, total - 4
    if not flags & IS_APART:
        return
    if length <= 4:
        raise Wrong
    if len(body) < 4:
        return
    count = int.from_bytes(body[:4], "little")
    if not 1 <= count <= MOST_SEGMENTS or 4 + 4 * count > length:
        raise Wrong
    if len(body) < 4 + 4 * count:
        return
    lengths = struct.unpack_from(f"<{count}I", body, 4)
    if 0 in lengths or sum(lengths) >= total - 4 - 4 * count:
        raise Wrong


def whole(body, flags):
    """The flags that say what a call is, the session, the msgpack and the segments of a whole body."""
    own, session = flags & (IS_STREAM | WANTS_PROGRESS), 0
    if flags & OF_SESSION:
        session, body = int.from_bytes(body[:4], "little"), body[4:]
    if not flags & IS_APART:
        return own, session, body, []
    count = int.from_bytes(body[:4], "little")
    lengths = struct.unpack_from(f"<{count}I", body, 4)
    end = len(body) - sum(lengths)
    data, segments = body[4 + 4 * count : end], []
    for length in lengths:
        segments.append(body[end : end + length])
        end += length
    return own, session, data, segments


EDGES = [0, 1, 2, 3, 4, 15, 16, 17, 127, 128, 255, 256, 0xFFFF, 0x10000, LONGEST, LONGEST + 4, 2**28, 2**31, 2**32 - 1]


def mutate(frames, choose: random.Random):
    """Damages one of the frames, or their order. Returns the new list of byte strings."""
    frames = list(frames) or [b""]
    at = choose.randrange(len(frames))
    target = bytearray(frames[at])
    kind = choose.randrange(12) if target else 10  # damage before this may have left nothing of the frame
    if kind == 0:  # a bit
        target[choose.randrange(len(target))] ^= 1 << choose.randrange(8)
    elif kind == 1:  # a byte
        target[choose.randrange(len(target))] = choose.randrange(256)
    elif kind == 2:  # a field of the header
        offset, size = choose.choice([(0, 4), (4, 1), (5, 1), (6, 2), (8, 4), (12, 4)])
        value = choose.choice(EDGES) if choose.random() < 0.7 else choose.getrandbits(8 * size)
        target[offset : offset + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    elif kind == 3:  # a length that is off by a few
        length = int.from_bytes(target[:4], "little") + choose.randrange(-5, 6)
        target[:4] = (length % 2**32).to_bytes(4, "little")
    elif kind == 4:  # a number in the body
        if len(target) >= HEADER.size + 4:
            offset = HEADER.size + 4 * choose.randrange((len(target) - HEADER.size) // 4)
            target[offset : offset + 4] = (choose.choice(EDGES) % 2**32).to_bytes(4, "little")
    elif kind == 5:
        del target[choose.randrange(len(target)) :]
    elif kind == 6:
        offset = choose.randrange(len(target) + 1)
        target[offset:offset] = choose.randbytes(choose.randrange(1, 40))
    elif kind == 7:
        frames.insert(at, bytes(target))
    elif kind == 8:
        other = choose.randrange(len(frames))
        frames[at], frames[other] = frames[other], frames[at]
        target = bytearray(frames[at])
    elif kind == 9:
        del frames[at]
        return frames
    elif kind == 10:
        target = bytearray(choose.randbytes(choose.randrange(1, 100)))
    else:  # a frame that could be, of another kind
        body = choose.randbytes(choose.randrange(0, 30))
        fields = dict(code=choose.choice([0, 0, 1, 7]), id=choose.randrange(3), extra=choose.choice([0, 0, 9]))
        target = bytearray(frame(choose.choice([1, 3, *range(16, 31)]), body, flags=choose.randrange(4), **fields))
    frames[at] = bytes(target)
    return frames
