"""The codec of values twice: with the package msgpack, and with the msgpack of Terrarium's own. A test that takes the
fixture ``codec`` runs with each."""

import importlib
import sys
from types import SimpleNamespace

import pytest
import terrarium

_PACKAGE = "terrarium._values"


def _loaded(name, without_msgpack):
    """The codec from modules of its own, as a worker imports them."""
    kept = {module: sys.modules.pop(module) for module in list(sys.modules) if f"{module}.".startswith(f"{_PACKAGE}.")}
    library = sys.modules.get("msgpack")
    if without_msgpack:
        sys.modules["msgpack"] = None  # an import of it raises ImportError
    try:
        encode, decode, refusal, packing, apart, registry, hints = (
            importlib.import_module(f"{_PACKAGE}.{part}")
            for part in ("_encode", "_decode", "_refusal", "_packing", "_apart", "_registry", "_hints")
        )
    finally:
        for module in [module for module in sys.modules if f"{module}.".startswith(f"{_PACKAGE}.")]:
            del sys.modules[module]
        sys.modules.update(kept)
        terrarium._values = kept[_PACKAGE]
        if library is None:
            sys.modules.pop("msgpack", None)
        else:
            sys.modules["msgpack"] = library
    assert (packing._library is None) == without_msgpack
    return SimpleNamespace(
        name=name,
        encode=encode.in_one,
        encode_with=encode.encode,
        decode=decode.decode,
        decode_arguments=decode.decode_arguments,
        NotSendable=refusal.NotSendable,
        NotReadable=decode.NotReadable,
        TooLarge=refusal.TooLarge,
        Arriving=apart.Arriving,
        Memory=apart.Memory,
        unpack=packing.unpack,
        unpack_all=packing.unpack_all,
        registry=registry,
        classes=encode._CHANGES,
        most_classes=encode._MOST_CHANGES,
        Conversions=hints.Conversions,
    )


WITH_MSGPACK = _loaded("with msgpack", without_msgpack=False)
WITHOUT_MSGPACK = _loaded("without msgpack", without_msgpack=True)


@pytest.fixture(params=[WITH_MSGPACK, WITHOUT_MSGPACK], ids=lambda codec: codec.name)
def codec(request):
    return request.param
