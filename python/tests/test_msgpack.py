"""The msgpack of Terrarium's own against the package msgpack: the same bytes, the same values and the same errors."""

import random
import struct
from datetime import datetime, timedelta, timezone

import msgpack
import pytest
from value_codecs import WITH_MSGPACK, WITHOUT_MSGPACK

EDGES = [0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 65535, 65536]


def some_text(draw):
    return draw.choice("aé€🐍") * draw.choice([*EDGES[:-1], draw.randrange(40)])


def some_bytes(draw):
    return draw.choice([bytes, bytearray])(draw.choice(EDGES))


def some_integer(draw):
    bits = draw.choice([0, 4, 5, 7, 8, 15, 16, 31, 32, 33, 53, 63, 64, 70])
    return draw.choice([1, -1]) * ((1 << bits) + draw.randrange(-2, 3))


def some_float(draw):
    return draw.choice([0.0, -0.0, 1.5, float("inf"), float("nan"), struct.unpack("d", draw.randbytes(8))[0]])


def some_instant(draw):
    micros = draw.choice([0, 1, 999_999, draw.randrange(1_000_000)])
    seconds = draw.choice([0, -1, 2**32 - 1, 2**32, 2**34 - 1, 2**34, draw.randrange(-(10**10), 10**11)])
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds, microseconds=micros)


def some_key(draw):
    return draw.choice([some_text, some_integer, some_float, some_instant, lambda _: (1, "a", (2,))])(draw)


SCALARS = [some_text, some_bytes, some_integer, some_float, some_instant, lambda draw: draw.choice([None, True, False])]


def some_value(draw, depth=0):
    if depth > 3 or draw.random() < 0.5:
        return draw.choice(SCALARS)(draw)
    count = draw.choice([0, 1, 2, 3, 15, 16]) if depth < 2 else draw.randrange(3)
    parts = [some_value(draw, depth + 1) for _ in range(count)]
    return draw.choice(
        [
            lambda: parts,
            lambda: tuple(parts),
            lambda: {some_text(draw)[:40]: part for part in parts},
            lambda: {some_key(draw): part for part in parts},
            lambda: {some_key(draw) for _ in parts},
        ]
    )()


def outcome(codec, name, *arguments):
    """What a function of a codec returns, or the class, the text and the place of what it raises."""
    try:
        return getattr(codec, name)(*arguments)
    except Exception as error:
        return type(error).__name__, str(error), getattr(error, "place", None), getattr(error, "hint", None)


def shown(value):
    """A value with the type of each part, in which NaN is NaN and the order of a set does not count."""
    kind = type(value).__name__
    if isinstance(value, (set, frozenset)):
        return kind, sorted(map(repr, map(shown, value)))
    if isinstance(value, (list, tuple)):
        return kind, list(map(shown, value))
    if isinstance(value, dict):
        return kind, [(shown(key), shown(item)) for key, item in value.items()]
    if isinstance(value, memoryview):
        return kind, value.format, value.shape, value.tobytes()
    return kind, repr(value)


_LENIENT = msgpack.version < (1, 1)
"""Whether this msgpack reads an instant with a billion nanoseconds or more. Ours and newer ones refuse it."""
_NO_INSTANT = "an instant in it is none that Python has"


def agree(left, right):
    return shown(left) == shown(right)


def agree_on_damage(left, right):
    """As ``agree``, but for instants that only an old msgpack reads."""
    is_refused = isinstance(right, tuple) and right[:1] == ("NotReadable",) and _NO_INSTANT in right[1]
    return agree(left, right) or (_LENIENT and is_refused)


@pytest.mark.parametrize("seed", range(300))
def test_both_write_the_same_bytes_and_read_the_same_values(seed):
    value = some_value(random.Random(seed))
    data = outcome(WITH_MSGPACK, "encode", value)
    assert outcome(WITHOUT_MSGPACK, "encode", value) == data
    if type(data) is bytes:
        left, right = outcome(WITH_MSGPACK, "decode", data), outcome(WITHOUT_MSGPACK, "decode", data)
        assert agree(left, right), (left, right)


@pytest.mark.parametrize("length", [2**16 - 1, 2**16])
def test_both_write_long_containers_alike(length):
    for value in ([None] * length, {str(index): index for index in range(length)}, "é" * length, {*range(length)}):
        data = WITH_MSGPACK.encode(value)
        assert WITHOUT_MSGPACK.encode(value) == data
        assert WITHOUT_MSGPACK.decode(data) == WITH_MSGPACK.decode(data)


@pytest.mark.parametrize("seed", range(60))
def test_both_read_damaged_bytes_alike(seed):
    draw = random.Random(seed)
    data = outcome(WITH_MSGPACK, "encode", some_value(draw))
    data = data[:5000] if type(data) is bytes else b"\xc0"
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.choice([draw.randrange(256), 0xC1, 0xC7, 0xD4, 0xDF])
        damaged = bytes(damaged[: draw.randrange(len(damaged) + 1)] if draw.random() < 0.5 else damaged)
        left, right = outcome(WITH_MSGPACK, "decode", damaged), outcome(WITHOUT_MSGPACK, "decode", damaged)
        assert agree_on_damage(left, right), (damaged, left, right)


@pytest.mark.parametrize("seed", range(30))
def test_both_read_random_bytes_alike(seed):
    draw = random.Random(seed)
    for _ in range(300):
        data = draw.randbytes(draw.randrange(24))
        left, right = outcome(WITH_MSGPACK, "decode", data), outcome(WITHOUT_MSGPACK, "decode", data)
        assert agree(left, right), (data, left, right)


@pytest.mark.parametrize(
    "data, because",
    [
        (b"", "it ends too early"),
        (b"\x93\x01", "it ends too early"),
        (b"\xa5ab", "it ends too early"),
        (b"\xdd\xff\xff\xff\xff", "it ends too early"),
        (b"\xc1", "no value begins with 0xc1"),
        (b"\x01\x02", "it goes on after its end"),
        (b"\x91" * 1025 + b"\x01", "it is nested too deeply"),
        (b"\xa1\xff", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"\x81\x90\x01", "TypeError: unhashable type: 'list'"),
        (b"\xc7\x0c\xff" + bytes(4) + b"\x7f" + bytes(7), "an instant in it is none that Python has"),
        (b"\xd6\xff\xff\xff\xff\xff\x01", "it goes on after its end"),
        (b"\xd7\xff\xff\xff\xff\xff" + bytes(4), "an instant in it is none that Python has"),
        (b"\xd4\xff\xff", "an instant in it is none that Python has"),
        (b"\xc7\x02\x02\x91\x93", "a value of extension type 2 cannot be read: it ends too early"),
        (b"\xc7\x02\x02\x90\x90", "a value of extension type 2 cannot be read: ValueError: too many values to unpack"),
    ],
)
def test_both_say_the_same_of_what_is_no_msgpack(data, because):
    for codec in (WITH_MSGPACK, WITHOUT_MSGPACK):
        if _LENIENT and codec is WITH_MSGPACK and because == _NO_INSTANT:
            continue  # an old msgpack reads some of these
        with pytest.raises(codec.NotReadable) as refused:
            codec.decode(data)
        assert because in str(refused.value)


@pytest.mark.parametrize("depth", [499, 500, 501, 5000])
def test_both_write_and_refuse_the_same_depth(depth):
    for around in (lambda value: [value], lambda value: {"a": value}, lambda value: (1, value)):
        value = 1
        for _ in range(depth):
            value = around(value)
        data = outcome(WITH_MSGPACK, "encode", value)
        assert outcome(WITHOUT_MSGPACK, "encode", value) == data
        if depth <= 500:
            assert WITHOUT_MSGPACK.encode(WITHOUT_MSGPACK.decode(data)) == data


class Text(str):
    def encode(self, *_):
        return b"own"

    def __len__(self):
        return 1


class Blob(bytes):
    def __len__(self):
        return 1


class Ratio(float):
    def __float__(self):
        return 7.0


def test_both_write_subclasses_as_what_they_are():
    for value in ([Text("abc"), Blob(b"abc"), Ratio(1.5)], {Text("abc"): 1}, {Blob(b"abc")}, {Ratio(1.5): Text("")}):
        assert WITHOUT_MSGPACK.encode(value) == WITH_MSGPACK.encode(value)


def test_a_lone_surrogate_has_the_same_place():
    for value in ({"a": [1, "\ud800"]}, {"\udc00": 1}, {1: {"x\ud800"}}, "\ud800"):
        assert outcome(WITHOUT_MSGPACK, "encode", value) == outcome(WITH_MSGPACK, "encode", value)
        assert outcome(WITH_MSGPACK, "encode", value)[0] == "NotSendable"
