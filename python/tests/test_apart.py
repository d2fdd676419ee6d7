"""Values apart: long bytes and arrays travel as segments, in the memory that they have, and arrive as what they would
be without that."""

import json
import random
import sys
from array import array
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "test" / "support"))

from value_codecs import codec  # noqa: E402, F401
from value_tools import evaluate, has, same  # noqa: E402

TABLE = json.loads((ROOT / "docs" / "values.json").read_text(encoding="utf-8"))["apart"]
LEAST = 64 * 1024

needs_numpy = pytest.mark.skipif(not has("numpy"), reason="numpy is not installed")


def rows(to):
    marks = {"numpy": needs_numpy}
    return [
        pytest.param(row, id=row["python"], marks=[marks[row["needs"]]] if "needs" in row else [])
        for row in TABLE
        if row["to"] in ("both", to)
    ]


def segments_of(row):
    return [bytes.fromhex(segment["unit"]) * segment["times"] for segment in row["segments"]]


def received(codec, data, segments):
    """The segments in the memory that they are received into."""
    arriving = codec.Arriving(data)
    for segment in segments:
        arriving.memory(len(segment))[:] = segment
    return arriving.segments


def there_and_back(codec, value):
    data, segments = codec.encode_with(value, apart=True)
    return codec.decode(data, received(codec, data, segments))


@pytest.mark.parametrize("row", rows("javascript"))
def test_the_table_of_values_sent_apart(codec, row):
    value = evaluate(row["python"], row.get("needs"))
    data, segments = codec.encode_with(value, apart=True)
    assert data.hex() == row["wire"]
    assert list(map(bytes, segments)) == segments_of(row)


@pytest.mark.parametrize("row", rows("python"))
@pytest.mark.parametrize("kind", ["received", bytes, bytearray, memoryview])
def test_the_table_of_values_that_arrive_apart(codec, row, kind):
    data, segments = bytes.fromhex(row["wire"]), segments_of(row)
    segments = received(codec, data, segments) if kind == "received" else list(map(kind, segments))
    arrived = codec.decode(data, segments)
    assert same(arrived, evaluate(row["python"], row.get("needs")))


def some_value(draw, depth=0):
    """A value with bytes and arrays of lengths around that of the shortest segment."""
    kind = draw.randrange(5 if depth > 3 else 8)
    if kind < 4:
        size = draw.choice([0, 8, LEAST - 8, LEAST, LEAST + 8])
        data = bytes([draw.randrange(256)]) * size
        whole = memoryview(data).cast("d") if size else memoryview(data)
        return [data, bytearray(data), array("i", data), whole][kind]
    if kind == 4:
        return draw.randrange(1000)
    parts = [some_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 5:
        return parts
    return {f"p{index}" if kind == 6 else index: part for index, part in enumerate(parts)}


@pytest.mark.parametrize("seed", range(60))
def test_a_value_is_the_same_whether_parts_of_it_travel_apart_or_not(codec, seed):
    value = some_value(random.Random(seed))
    data, segments = codec.encode_with(value, apart=True)
    assert all(len(segment) >= LEAST for segment in segments)
    in_one, none = codec.encode_with(value, apart=False)
    assert none == []
    assert same(codec.decode(data, received(codec, data, segments)), codec.decode(in_one))


def test_a_segment_is_the_memory_of_the_value_itself(codec):
    data, buffer, floats = bytes(LEAST), bytearray(LEAST), array("d", bytes(LEAST))
    view = memoryview(floats).cast("B").cast("d", (2, LEAST // 16))
    _, segments = codec.encode_with([data, {"b": buffer}, floats, view], apart=True)
    assert segments[0] is data
    for segment, owner in zip(segments[1:], (buffer, floats, floats), strict=True):
        assert (segment.obj, segment.format, segment.ndim, len(segment)) == (owner, "B", 1, LEAST)
    buffer[0] = 7
    assert segments[1][0] == 7


def test_bytes_are_received_in_place(codec):
    data, _ = codec.encode_with({"a": bytes(LEAST), "b": [bytes(LEAST + 1)]}, apart=True)
    arriving = codec.Arriving(data)
    for length, fill in ((LEAST, b"x"), (LEAST + 1, b"y")):
        view = arriving.memory(length)
        assert (view.format, view.ndim, view.readonly, len(view)) == ("B", 1, False, length)
        view[: LEAST // 2] = fill * (LEAST // 2)
        view[LEAST // 2 :] = fill * (length - LEAST // 2)
    arguments = codec.decode_arguments(data, arriving.segments)
    assert arguments == {"a": b"x" * LEAST, "b": [b"y" * (LEAST + 1)]}
    assert arguments["a"] is arriving.segments[0] and arguments["b"][0] is arriving.segments[1]
    assert hash(arguments["a"]) == hash(b"x" * LEAST) and type(arguments["a"]) is bytes


def test_arrays_are_read_in_place_and_cannot_be_written(codec):
    data, segments = codec.encode_with([array("d", bytes(LEAST))], apart=True)
    memory = received(codec, data, segments)
    (view,) = codec.decode(data, memory)
    assert (view.obj is memory[0], view.readonly, view.format, view.shape) == (True, True, "d", (LEAST // 8,))


def test_hints_of_bytes_convert_arrays_alone_or_in_a_list_or_a_dict_and_leave_other_values_alone(codec):
    def tool(one: bytes, some: list[bytes], named: dict[str, bytes], parts: tuple[bytes, int]) -> None:
        del one, some, named, parts

    view = memoryview(array("B", b"ab"))
    arguments = {"one": view, "some": [view, b"c", 7], "named": {"d": view, "e": "f"}, "parts": [view, 1]}
    conversions = codec.Conversions(tool)
    conversions.arguments(arguments)
    assert arguments == {"one": b"ab", "some": [b"ab", b"c", 7], "named": {"d": b"ab", "e": "f"}, "parts": [b"ab", 1]}
    assert {type(arguments["one"]), type(arguments["some"][0]), type(arguments["named"]["d"])} == {bytes}
    assert conversions.has_plain  # a tuple takes the long way

    def plain(one: bytes, some: list[bytes], named: dict[str, bytes]) -> list[bytes]:
        return [one, *some, *named.values()]

    assert not codec.Conversions(plain).has_plain


@needs_numpy
@pytest.mark.parametrize("dtype", ["f8", "u1", "i2", "?", "M8[ns]"])
def test_an_ndarray_is_made_in_place_and_can_be_written(codec, dtype):
    import numpy

    def tool(image: numpy.ndarray, others: list[numpy.ndarray]) -> None:
        del image, others

    sent = numpy.arange(2 * LEAST).astype("u1").view(dtype).reshape(2, -1)
    data, segments = codec.encode_with({"image": sent, "others": [sent[:, ::2], sent[:1, :4]]}, apart=True)
    memory = received(codec, data, segments)
    arguments = codec.decode_arguments(data, memory)
    codec.Conversions(tool).arguments(arguments)
    image, (strided, small) = arguments["image"], arguments["others"]
    for arrived, expected in ((image, sent), (strided, sent[:, ::2]), (small, sent[:1, :4])):
        assert (type(arrived), arrived.dtype, arrived.shape) == (numpy.ndarray, sent.dtype, expected.shape)
        assert arrived.tobytes() == expected.tobytes()
        assert arrived.flags.writeable and arrived.flags.c_contiguous and arrived.flags.aligned
    assert numpy.shares_memory(image, numpy.frombuffer(memory[0], "u1"))
    image[0, 0] = image[0, 1]
    assert bytes(memory[0][: sent.itemsize]) == sent[0, 1].tobytes()


@needs_numpy
def test_arrays_of_any_order_stride_and_byte_order_travel_apart(codec):
    import numpy

    whole = numpy.arange(LEAST).reshape(16, 64, 64)
    half = whole.astype("i2").astype("f2")
    for value in (whole.astype(">f8"), whole[:, ::-1, ::2], whole.transpose(2, 0, 1), half, whole > 9):
        arrived = numpy.asarray(there_and_back(codec, value))
        assert arrived.shape == value.shape and (arrived == value).all()


def test_views_of_other_formats_travel_apart(codec):
    import ctypes

    doubles = (ctypes.c_double * LEAST)(1.5)
    assert memoryview(doubles).format == "<d"
    assert there_and_back(codec, memoryview(doubles)).tolist() == list(doubles)
    chars = memoryview(bytes(range(256)) * 1024).cast("c")
    assert there_and_back(codec, [chars, chars[::2]]) == [chars.tobytes(), chars[::2].tobytes()]


class Payload(bytes):
    """A subclass of bytes."""


def test_subclasses_of_bytes_travel_apart(codec):
    assert there_and_back(codec, [Payload(LEAST)]) == [bytes(LEAST)]
    assert type(there_and_back(codec, [Payload(LEAST)])[0]) is bytes


def test_keys_and_elements_of_sets_stay_in_the_msgpack(codec):
    key = bytes(LEAST)
    value = [{key: key + b"1"}, {key}, {(key, 1): 2}, {frozenset([key])}]
    data, segments = codec.encode_with(value, apart=True)
    assert segments == [key + b"1"]
    assert codec.decode(data, segments) == value
    data, segments = codec.encode_with([1, key], apart=True)  # the encoder goes on
    assert segments == [key]


def test_parts_of_registered_types_travel_apart(codec):
    registry = codec.registry
    kind = type("Image", (), {})
    image = kind()
    image.pixels = bytes(LEAST)
    registry.register_type("Image", kind, encode=lambda image: [image.pixels], decode=lambda sent: sent)
    try:
        data, segments = codec.encode_with([image, {"a": bytes(LEAST + 1)}], apart=True)
        assert list(map(len, segments)) == [LEAST, LEAST + 1]
        assert codec.decode(data, received(codec, data, segments)) == [[bytes(LEAST)], {"a": bytes(LEAST + 1)}]
    finally:
        del registry.encodings[kind], registry.decoders["Image"]
        for changed in registry.on_change:
            changed()


def test_the_longest_value_counts_its_segments_and_their_table(codec):
    half = bytes(2**27 - 100)
    data, segments = codec.encode_with([half, half], apart=True)
    assert len(segments) == 2
    size = len(data) + 2 * len(half) + 12
    with pytest.raises(codec.TooLarge) as refused:
        codec.encode_with([half, half, b"x" * 200], apart=True)
    message = f"a value of {size + 202:,} bytes cannot be sent, as a message may have 268,435,392"
    assert str(refused.value) == message
    assert refused.value.type == ""


def test_a_result_after_an_error_has_no_segment_of_it(codec):
    with pytest.raises(codec.NotSendable):
        codec.encode_with([bytes(LEAST), object()], apart=True)
    assert codec.encode_with([b"1"], apart=True) == (b"\x91\xc4\x011", [])
    assert codec.encode_with([bytes(LEAST)], apart=False)[1] == []


def reference(index, rest=b""):
    payload = index.to_bytes(4, "little") + rest
    return bytes([0xC7, len(payload), 8]) + payload


HEAD = b"\xff\x03<f8".ljust(16, b"\0")


@pytest.mark.parametrize(
    "data, count, place, because",
    [
        (b"\x92" + reference(0) + reference(2), 2, "[1]", "it has no segment 2"),
        (reference(0), 0, "", "it has no segment 0"),
        (b"\x91" + reference(2**32 - 1), 1, "[0]", "it has no segment 4294967295"),
        (b"\x81\xa1a\x92" + reference(0) + reference(0), 1, "a", "it refers to segment 0 twice"),
        (b"\x91" + reference(1), 2, "", "nothing in it refers to segment 0"),
        (b"\xc0", 1, "", "nothing in it refers to segment 0"),
        (b"", 1, "", "it ends too early"),
        (b"\xd5\x08\0\0", 1, "", "a reference to a segment ends too early"),
        (b"\xc7\0\x08", 1, "", "a reference to a segment ends too early"),
        (b"\xd6\x08\0\0\0", 1, "", "it ends too early"),
        (reference(0, HEAD[:4]), 1, "", "an array with a head of 4 bytes"),
        (reference(0, HEAD + bytes(16)), 1, "", "an array with a head of 32 bytes"),
        (reference(0, b"\xff"), 1, "", "IndexError"),
        (reference(0, bytes(16)), 1, "", "an array with elements of type"),
        (reference(0, b"\x01\x03<f8\x07\0\0\0".ljust(16, b"\0")), 1, "", "whose shape is not that of its 12 bytes"),
        (reference(0, HEAD), 1, "", "whose shape is not that of its 12 bytes"),
    ],
)
def test_segments_that_a_host_never_sends(codec, data, count, place, because):
    with pytest.raises(codec.NotReadable) as refused:
        codec.decode(data, [bytes(12)] * count)
    assert because in str(refused.value)
    assert refused.value.place in (place, f"{place}[1]", f"{place}[0]")
    assert refused.value.hint == "Use the Node packages and the Python package of one release."


@pytest.mark.parametrize("seed", range(20))
def test_damaged_references_end_in_an_error_and_in_nothing_else(codec, seed):
    draw = random.Random(seed)
    data, segments = codec.encode_with({"a": [bytes(LEAST), array("d", bytes(LEAST)), b"12"]}, apart=True)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[draw.randrange(len(data))] = draw.randrange(256)
        try:
            codec.decode(bytes(damaged), [*segments, b"12"][: draw.randrange(4)])
        except codec.NotReadable as error:
            assert error.hint


def test_a_guess_of_the_memory_that_is_wrong_costs_a_copy_and_nothing_else(codec):
    looks_like_one = b"\xd6\x08\x01\0\0\0"
    value = [bytes(LEAST), array("d", bytes(LEAST)), looks_like_one, bytes(LEAST)]
    data, segments = codec.encode_with(value, apart=True)
    memory = received(codec, data, segments)
    assert [type(each) for each in memory] == [bytes, bytes, bytes]
    assert same(codec.decode(data, memory), codec.decode(codec.encode(value)))
    short = codec.Arriving(reference(0))
    assert short.memory(0).nbytes == 0
    assert codec.decode(reference(0), short.segments) == b""


def test_an_interpreter_without_the_c_api_receives_into_other_memory(codec, monkeypatch):
    for name in ("_filler", "_resizer"):
        monkeypatch.setitem(codec.Arriving.memory.__globals__, name, lambda: None)
    value = [bytes(LEAST), array("d", bytes(LEAST))]
    assert same(there_and_back(codec, value), codec.decode(codec.encode(value)))


def test_the_memory_of_a_long_array_is_made_longer_and_not_filled_with_zeros(codec, monkeypatch):
    lengths = []
    resize = codec.Arriving.memory.__globals__["_resizer"]()
    record = lambda memory, length: lengths.append((len(memory), length)) or resize(memory, length)
    monkeypatch.setitem(codec.Arriving.memory.__globals__, "_resizer", lambda: record)
    value = array("d", range(LEAST // 8))
    assert there_and_back(codec, value).tolist() == value.tolist()
    assert lengths == [(0, LEAST)]
