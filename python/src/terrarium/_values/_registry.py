"""The registry of the types that users register so that their instances can be sent and received. Standard library
only."""

from collections.abc import Callable
from typing import Any, NamedTuple

LONGEST_NAME = 128


class Encoding(NamedTuple):
    """How the instances of a registered class are sent."""

    name: str
    encode: Callable[[Any], Any]


encodings: dict[type, Encoding] = {}
"""The encodings by class."""
decoders: dict[str, Callable[[Any], Any]] = {}
"""The decoders by the name of the type on the wire."""
on_change: list[Callable[[], None]] = []
"""Functions that are called after a type was registered."""


def register_type(
    name: str,
    cls: "type | None" = None,
    *,
    encode: "Callable[[Any], Any] | None" = None,
    decode: "Callable[[Any], Any] | None" = None,
) -> None:
    """Makes the instances of a class, and of its subclasses, values that can be sent and received.

    The host registers the same name in the ``types`` of its pool::

        register_type(
            "Money", Money, encode=lambda money: [money.amount, money.currency], decode=lambda sent: Money(*sent)
        )

    ``encode`` turns an instance of ``cls`` into a value that can be sent. ``decode`` turns the value that the host's
    encoder of that name has made into an instance. Leave one out if values go one way only. Call this at the top of the
    module with the tools. ``name`` has 1 to 128 characters.

    Raises TypeError for missing or wrong arguments, and ValueError for a name that is not well formed and for a name or
    a class that is registered already.
    """
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"the name of a type is a str of 1 to {LONGEST_NAME} characters")
    if encode is None and decode is None:
        raise TypeError(f"{name} needs encode, decode or both")
    for role, function in (("encode", encode), ("decode", decode)):
        if function is not None and not callable(function):
            raise TypeError(f"{role} of {name} is not a function")
    if encode is not None:
        if not isinstance(cls, type):
            raise TypeError(f"{name} needs the class that encode is for")
        if cls.__module__ == "builtins":
            raise TypeError(f"{cls.__name__} is sent as it is: register a class of your own as {name}")
        if cls in encodings:
            raise ValueError(f"{cls.__qualname__} is registered already, as {encodings[cls].name}")
    if name in decoders or any(encoding.name == name for encoding in encodings.values()):
        raise ValueError(f"a type is registered already as {name}")
    if cls is not None and encode is not None:
        encodings[cls] = Encoding(name, encode)
    if decode is not None:
        decoders[name] = decode
    for changed in on_change:
        changed()
