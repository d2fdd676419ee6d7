"""Registered types: values of classes that a user has named, in every place, and registrations that are refused."""

import re
import sys
from pathlib import Path

import msgpack
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "test" / "support"))

from value_codecs import codec  # noqa: E402, F401
from value_tools import Color, Point  # noqa: E402


class Money:
    def __init__(self, amount, currency):
        self.amount, self.currency = amount, currency

    def __eq__(self, other):
        return type(other) is Money and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.amount)


class Euros(Money):
    pass


@pytest.fixture
def registered(codec):
    """The function register_type; its types are removed when the test ends."""
    registry = codec.registry
    before = dict(registry.encodings), dict(registry.decoders)
    yield registry.register_type
    for types, old in zip((registry.encodings, registry.decoders), before, strict=True):
        types.clear()
        types.update(old)
    for changed in registry.on_change:
        changed()


def test_values_of_registered_types_come_back_in_every_place(codec, registered):
    with pytest.raises(codec.NotSendable, match="a test_registered.Money cannot be sent at \\[0\\]"):
        codec.encode([Money(1, "EUR")])
    registered("Money", Money, encode=lambda m: [m.amount, m.currency], decode=lambda sent: Money(*sent))
    price = Money(199, "EUR")
    assert codec.encode(price).hex() == "c70d07a54d6f6e657992ccc7a3455552"  # as the host writes it
    value = {"list": [price], "set": {price}, "map": {price: price}}
    assert codec.decode(codec.encode(value)) == value
    assert codec.decode(codec.encode([Euros(1, "EUR")])) == [Money(1, "EUR")]
    deep = {"deep": [[price] * 3, {"in": (price,)}]}
    assert codec.decode(codec.encode(deep)) == {"deep": [[price] * 3, {"in": [price]}]}


def test_a_registered_type_is_used_before_the_rules_for_its_class(codec, registered):
    registered("Point", Point, encode=lambda point: f"{point.x}", decode=lambda sent: Point(int(sent)))
    registered("Pattern", re.Pattern, encode=lambda pattern: pattern.pattern, decode=re.compile)
    registered("Color", Color, encode=lambda color: color.name, decode=Color.__getitem__)
    value = [Point(1), re.compile("a"), Color.RED]
    assert codec.decode(codec.encode(value)) == value


def test_a_tree_of_registered_values_may_be_deep(codec, registered):
    registered("Node", Money, encode=lambda node: node.amount, decode=lambda sent: Money(sent, ""))
    tree = None
    for _ in range(150):
        tree = Money([tree], "")
    assert codec.decode(codec.encode(tree)) == tree


def test_a_value_of_a_type_that_is_not_registered_names_it_and_its_place(codec):
    data = msgpack.packb({"cart": {"items": [1, msgpack.ExtType(7, msgpack.packb("Money") + msgpack.packb([1]))]}})
    with pytest.raises(codec.NotReadable) as refused:
        codec.decode(data)
    message = "a value of the type Money, which is not registered in Python, cannot be read at cart.items[1]"
    assert (str(refused.value), refused.value.type) == (message, "Money")
    assert refused.value.hint == "Call terrarium.register_type('Money', decode=…) in the module with the tools."


def test_encoders_and_decoders_that_raise_are_named_and_run_once(codec, registered):
    calls = []

    def explode(value):
        calls.append(value)
        raise KeyError("amount")

    registered("Money", Money, encode=explode, decode=explode)
    with pytest.raises(codec.NotSendable) as refused:
        codec.encode({"a": [Money(1, "EUR")]})
    assert str(refused.value) == "the encoder of Money raises at a[0]: KeyError: 'amount'"
    assert len(calls) == 1
    sent = msgpack.ExtType(7, msgpack.packb("Money") + msgpack.packb(1))
    with pytest.raises(codec.NotReadable) as unread:
        codec.decode(msgpack.packb({"a": [1, {"b c": sent}]}))
    assert str(unread.value) == "the decoder of Money raises at a[1][\"b c\"]: KeyError: 'amount'"
    assert len(calls) == 2
    assert codec.decode(codec.encode([1])) == [1]


@pytest.mark.parametrize(
    "arguments, options, error, message",
    [
        (("",), {"decode": str}, ValueError, "1 to 128 characters"),
        ((7,), {"decode": str}, ValueError, "1 to 128 characters"),
        (("A",), {}, TypeError, "A needs encode, decode or both"),
        (("A",), {"encode": str}, TypeError, "A needs the class that encode is for"),
        (("A", dict), {"encode": str}, TypeError, "dict is sent as it is"),
        (("A", Money), {"encode": "x"}, TypeError, "encode of A is not a function"),
        (("Taken",), {"decode": str}, ValueError, "a type is registered already as Taken"),
        (("B", Euros), {"encode": str}, ValueError, "Euros is registered already, as Taken"),
    ],
)
def test_registrations_that_are_refused(registered, arguments, options, error, message):
    registered("Taken", Euros, encode=str)
    with pytest.raises(error, match=message):
        registered(*arguments, **options)
