"""Values: each row of the table in docs/values.json is sent, read or refused as it says, and further cases."""

import dataclasses
import json
import math
import sys
from array import array
from enum import Enum
from pathlib import Path

import msgpack
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "test" / "support"))

from value_codecs import codec  # noqa: E402, F401
from terrarium._values._arrays import packed  # noqa: E402
from terrarium._frames import FailureCode  # noqa: E402
from value_tools import evaluate, has, same  # noqa: E402

TABLE = json.loads((ROOT / "docs" / "values.json").read_text(encoding="utf-8"))
SENT = [row for group in TABLE["sent"] for row in group["rows"]]
REFUSED = [row for row in TABLE["refused"] if row["in"] == "Python"]

needs_numpy = pytest.mark.skipif(not has("numpy"), reason="numpy is not installed")


def rows(chosen, column):
    """Rows of the table as parameters of a test, named by a column; skipped where a package is missing."""
    marks = {
        name: pytest.mark.skipif(not has(name), reason=f"{name} is not installed")
        for name in {row["needs"] for row in chosen if "needs" in row}
    }
    return [pytest.param(row, id=row[column], marks=[marks[row["needs"]]] if "needs" in row else []) for row in chosen]


@pytest.mark.parametrize("row", rows([row for row in SENT if row["to"] != "python"], "python"))
def test_the_table_of_sent_values(codec, row):
    assert codec.encode(evaluate(row["python"], row.get("needs"))).hex() == row["wire"]


@pytest.mark.parametrize("row", rows([row for row in SENT if row["to"] != "javascript"], "python"))
def test_the_table_of_values_that_arrive(codec, row):
    arrived = codec.decode(bytes.fromhex(row["wire"]))
    expected = evaluate(row["python"], row.get("needs"))
    assert same(arrived, expected), (arrived, expected)


@pytest.mark.parametrize("row", rows(REFUSED, "value"))
def test_the_table_of_refused_values(codec, row):
    with pytest.raises(codec.NotSendable) as refused:
        codec.encode({"rows": [1, {"price": evaluate(row["value"], row.get("needs"))}]})
    assert str(refused.value).startswith(row["message"]), str(refused.value)
    assert refused.value.place.startswith("rows[1].price")
    assert refused.value.hint == row["hint"]


class OwnDict(dict):
    def __len__(self):
        return 42

    def items(self):
        return [("own", 1)]


class OwnList(list):
    def __len__(self):
        return 42

    def __iter__(self):
        return iter(["own", "way"])


class OwnInt(int):
    def _refuse(self, *_):
        raise ValueError("no")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __int__ = __index__ = _refuse
    __hash__ = int.__hash__


@pytest.mark.parametrize(
    "value, plain",
    [
        (OwnDict(a=1), {"own": 1}),
        (OwnDict({1: 1}), {"own": 1}),
        (OwnList(["a"]), ["own", "way"]),
        (OwnInt(5), 5),
        (OwnInt(2**70), 2**70),
        ({OwnInt(7): {OwnInt(9)}}, {7: {9}}),
    ],
)
def test_b7_a_subclass_with_its_own_iteration_or_arithmetic(codec, value, plain):
    assert codec.encode(value) == codec.encode(plain)


def test_b7_a_class_without_a_module(codec):
    # As in a program that is run by exec() without __name__.
    homeless = eval("type('Homeless', (), {})", {"__builtins__": {"type": type}})
    assert not hasattr(homeless, "__module__")
    with pytest.raises(codec.NotSendable, match="^a Homeless cannot be sent$"):
        codec.encode(homeless())


def test_b7_a_place_shows_letters_of_every_language(codec):
    with pytest.raises(codec.NotSendable) as refused:
        codec.encode({'größe "in" m\n': object()})
    assert refused.value.place == '["größe \\"in\\" m\\n"]'


# Integers, against the forms in msgpack's specification.


def integer(value):
    """The shortest form of an integer."""
    if -32 <= value < 128:
        return value.to_bytes(1, "big", signed=value < 0)
    sizes = {1: b"\xcc\xd0", 2: b"\xcd\xd1", 4: b"\xce\xd2", 8: b"\xcf\xd3"}
    for size, (unsigned, signed) in sizes.items():
        if 0 <= value < 256**size:
            return bytes([unsigned]) + value.to_bytes(size, "big")
        if -(256**size) // 2 <= value < 0:
            return bytes([signed]) + value.to_bytes(size, "big", signed=True)
    raise AssertionError("more than 64 bits")


@pytest.mark.parametrize("bits", [0, 5, 7, 8, 15, 16, 31, 32, 33, 39, 40, 47, 52, 53, 62, 63])
def test_integers_at_the_edges_of_every_width(codec, bits):
    for edge in (2**bits, -(2**bits)):
        for value in (edge - 1, edge, edge + 1):
            if -(2**63) <= value < 2**64:
                assert codec.encode(value) == integer(value)
                assert same(codec.decode(codec.encode([value])), [value])


@pytest.mark.parametrize("bits", [63, 64, 65, 71, 72, 127, 128, 4096])
def test_integers_of_any_size_are_exact(codec, bits):
    for edge in (2**bits, -(2**bits)):
        for value in (edge - 1, edge, edge + 1):
            assert same(codec.decode(codec.encode({"n": value, value: [value]})), {"n": value, value: [value]})


# Arrays.


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
@pytest.mark.parametrize("length", [0, 1, 3, 1000])
def test_arrays_arrive_aligned_and_are_read_in_place(codec, code, length):
    values = array(code, range(length % 100)) if length < 100 else array(code, [7] * length)
    for shift in range(3):
        (_, view) = codec.decode(codec.encode(["x" * shift, values]))
        assert (view.tolist(), view.shape, view.readonly) == (values.tolist(), (len(values),), True)
        assert view.itemsize == values.itemsize and view.contiguous
        assert type(view.obj) is bytes  # the bytes that msgpack returned, not a copy
        begin = len(view.obj) - view.nbytes if length else 16
        assert begin % 16 == 0


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (3, 0), (2, 0, 3), (2, 3), (1, 1, 1, 4)])
def test_every_shape_arrives(codec, shape):
    data = array("d", range(math.prod(shape)))
    payload = packed(data, "<f8", shape)
    view = codec.decode(msgpack.packb(msgpack.ExtType(1, payload)))
    assert (view.shape, view.ndim, view.nbytes) == (shape, len(shape), data.itemsize * len(data))
    assert view.tobytes() == data.tobytes()


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"\xff\x03<f8" + bytes(11) + bytes(7), b"\xff\x03<c8" + bytes(19), b"\x01\x03<f8\x02" + bytes(10)],
)
def test_a_malformed_array_is_an_error_with_its_place(codec, payload):
    with pytest.raises(codec.NotReadable) as refused:
        codec.decode(msgpack.packb({"a": [1, msgpack.ExtType(1, payload)]}))
    assert refused.value.place == "a[1]"


@needs_numpy
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", "i1 u1 <i2 >i2 <u4 >u4 <i8 >i8 <f4 >f4 <f8 >f8 ?".split())
def test_ndarrays_of_any_order_stride_and_byte_order(codec, order, dtype):
    import numpy

    whole = numpy.arange(24).reshape(2, 3, 4).astype(dtype, order=order)
    for value in (whole, whole[:, ::-1, ::2], whole.transpose(2, 0, 1), whole[0, 0, 0], whole[:, 1:1]):
        arrived = numpy.asarray(codec.decode(codec.encode(numpy.asarray(value))))
        assert arrived.shape == value.shape
        assert (arrived == value).all()
        assert arrived.dtype.isnative


@needs_numpy
def test_a_float16_is_widened_and_a_memory_map_is_an_array(codec, folder):
    import numpy

    values = numpy.array([1.5, -0.0, numpy.nan, numpy.inf, 6e-8], "float16")
    assert codec.decode(codec.encode(values)).format == "f"
    assert repr(codec.decode(codec.encode(values)).tolist()) == repr(values.tolist())
    assert codec.decode(codec.encode(memoryview(values))).tolist()[:2] == [1.5, -0.0]
    numpy.save(folder / "a.npy", numpy.arange(4))
    assert codec.decode(codec.encode(numpy.load(folder / "a.npy", mmap_mode="r"))).tolist() == [0, 1, 2, 3]


def test_the_cache_of_classes_is_limited(codec):
    for _ in range(3000):
        kind = dataclasses.make_dataclass("Row", ["x"])
        assert codec.decode(codec.encode(kind(1))) == {"x": 1}
    assert len(codec.classes) <= codec.most_classes


# Sizes.


def test_values_of_more_bytes_than_a_message_may_have_are_refused(codec):
    large = bytes(2**28)
    for value in (large, [large], memoryview(large), {"a": array("B", large)}, "x" * 2**28):
        with pytest.raises(codec.TooLarge):
            codec.encode(value)
    with pytest.raises(codec.TooLarge) as refused:
        codec.encode({"a": [memoryview(large).cast("Q")]})
    size = "a memoryview of 268,435,456 bytes"
    assert str(refused.value) == f"{size} cannot be sent, as a message may have 268,435,392 at a[0]"


# In a worker.


def test_nothing_is_imported_for_values(host):
    source = ROOT / "test" / "support" / "value_tools.py"
    worker = host.ready(source)
    assert worker.run("imported") == []
    assert worker.run("make", expression="{'a': [Point(1), Decimal('1'), {1, 2}]}") == {
        "a": [{"x": 1, "y": None}, "1", msgpack.ExtType(2, b"\x92\x01\x02")]
    }
    assert worker.run("imported") == []


def test_names_and_docstrings_of_any_size_do_not_end_a_worker(host, file):
    source = f"""
        from terrarium import tool

        def described():
            return 1
        described.__doc__ = "x" * 300_000_000
        tool(described)

        Huge = type("H" * 10_000_000, (Exception,), {{}})

        @tool
        def fail(): raise Huge("m" * 10_000_000)

        @tool
        def wrong(): return type("W" * 10_000_000, (), {{}})()
    """
    worker = host.ready(file("t.py", source))
    assert [len(tool.summary) for tool in worker.ready.tools] == [1024, 0, 0]
    failure = worker.fail("fail")
    assert len(failure.type) < 1_000 and len(failure.message) < 10_000 and len(failure.traceback) < 100_000
    failure = worker.fail("wrong")
    assert failure.code == FailureCode.RESULT_NOT_SENDABLE
    assert len(failure.type) < 1_000 and len(failure.message) < 1_000
    assert worker.fail("described", **{"k" * 10_000_000: 1}).code == FailureCode.INVALID_ARGUMENT
    assert worker.run("described") == 1


# Containers that have fields.


@dataclasses.dataclass
class Labelled(dict):
    label: str


@dataclasses.dataclass
class OutputLike(dict):
    """Like the outputs of models of the package transformers: each field is also an entry."""

    scores: list
    loss: "float | None" = None

    def __post_init__(self):
        self["scores"] = self.scores


@pytest.mark.parametrize("base", [list, dict, tuple, set, str, int, float, bytes, frozenset])
def test_b7_a_container_with_fields_is_refused_rather_than_sent_without_them(codec, base):
    namespace = {"__new__": lambda cls, _: base.__new__(cls)}
    kind = dataclasses.make_dataclass("Both", ["owner"], bases=(base,), namespace=namespace)
    message = "Both, which has fields beside what it holds, cannot be sent"
    with pytest.raises(codec.NotSendable, match=message) as refused:
        codec.encode([kind("Ada")])
    assert refused.value.place == "[0]"
    assert refused.value.hint == "Send a dict of both, or register its class: terrarium.register_type."


def test_b7_a_dict_whose_fields_are_entries_is_sent(codec):
    assert codec.encode(OutputLike([1])) == codec.encode({"scores": [1]})
    with pytest.raises(codec.NotSendable, match="which has fields"):
        codec.encode(Labelled("a"))


def test_b7_a_member_of_an_enum_is_its_value_even_if_it_has_fields(codec):
    kind = dataclasses.make_dataclass("Place", ["x"])
    corner = Enum("Corner", {"LEFT": 1}, type=kind)
    assert codec.encode(corner.LEFT) == codec.encode(corner.LEFT.value)
