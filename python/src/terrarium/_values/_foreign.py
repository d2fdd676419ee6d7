"""Values of packages that may not be installed: numpy, pandas, pydantic, attrs and others. Nothing is imported here,
because a value exists only if its package is in ``sys.modules`` already."""

import sys
from typing import Any

from terrarium._values._arrays import check_size
from terrarium._values._refusal import NotSendable, an, module_of, name_of

_ORDER = "<" if sys.byteorder == "little" else ">"

MISSING = frozenset([("pandas", "NaTType"), ("pandas", "NAType")])
"""The classes of missing values, by package and name."""

_HINTS = {
    ("pandas", "DataFrame"): 'Send its rows: value.to_dict("records").',
    ("pandas", "Series"): "Send value.to_list(), or value.to_numpy().",
    ("pandas", "Index"): "Send value.to_list(), or value.to_numpy().",
    ("pandas", "ExtensionArray"): "Send value.tolist().",
    ("pandas", "BaseOffset"): "Send str(value).",
    ("polars", "DataFrame"): "Send its rows: value.to_dicts().",
    ("polars", "LazyFrame"): "Send its rows: value.collect().to_dicts().",
    ("polars", "Series"): "Send value.to_list(), or value.to_numpy().",
    ("pyarrow", "Table"): "Send its rows: value.to_pylist().",
    ("torch", "Tensor"): "Send value.detach().cpu().numpy().",
    ("tensorflow", "Tensor"): "Send value.numpy().",
    ("jax", "Array"): "Send numpy.asarray(value).",
    ("scipy", "spmatrix"): "Send value.toarray().",
    ("scipy", "sparray"): "Send value.toarray().",
    ("unittest", "NonCallableMock"): "Send the value that the mock stands for.",
    ("mock", "NonCallableMock"): "Send the value that the mock stands for.",
    ("PIL", "Image"): "Send numpy.asarray(value), or its bytes in a format: value.save(buffer, 'PNG').",
}
"""Hints by package and name of the class or one of its bases."""


def hint_for(kind: type) -> "str | None":
    """The hint for a class of another package whose instances cannot be sent, or None."""
    for base in kind.__mro__:
        hint = _HINTS.get((module_of(base).partition(".")[0], base.__name__))
        if hint is not None:
            return hint
    if hasattr(kind, "__array__") or hasattr(kind, "__array_interface__"):
        return "Send numpy.asarray(value)."
    return None


def is_missing(kind: type) -> bool:
    """Whether instances of a class stand for a missing value, which is sent as None."""
    return (module_of(kind).partition(".")[0], kind.__name__) in MISSING


def field_names(kind: type) -> "tuple[str, ...] | None":
    """The names of the fields of a dataclass or an attrs class; None for another class."""
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses  # imported already, by the module with the class

        return tuple(field.name for field in dataclasses.fields(kind))
    fields = getattr(kind, "__attrs_attrs__", None)
    return tuple(field.name for field in fields) if isinstance(fields, tuple) else None


def is_model(kind: type) -> bool:
    """Whether a class is a pydantic model."""
    base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return isinstance(base, type) and issubclass(kind, base)


def dump(model: Any) -> Any:
    """The data of a pydantic model, of version 1 or 2."""
    return model.model_dump() if hasattr(model, "model_dump") else model.dict()


def numpy() -> Any:
    """The module, or None if it is not imported."""
    return sys.modules.get("numpy")


def is_ndarray(kind: type) -> bool:
    """Whether a class is numpy.ndarray or a subclass."""
    base = getattr(numpy(), "ndarray", None)
    return isinstance(base, type) and issubclass(kind, base)


def is_numpy_scalar(kind: type) -> bool:
    """Whether a class is one of numpy's scalar types."""
    base = getattr(numpy(), "generic", None)
    return isinstance(base, type) and issubclass(kind, base)


def of_scalar(value: Any) -> Any:
    """The Python value to send for a numpy scalar that is no subclass of str, bytes or float. Raises NotSendable."""
    kind = value.dtype.kind
    if kind == "b":
        return bool(value)
    if kind in "iu":
        return int(value)
    if kind == "f" and value.dtype.itemsize <= 8:
        return float(value)
    if kind in "Mm" and numpy().isnat(value):
        return None
    name = name_of(type(value))
    hint = {
        "f": "Send float(value), which may lose digits.",
        "c": "Send [value.real, value.imag].",
        "M": "It has no timezone: send value.astype('datetime64[us]').item().replace(tzinfo=timezone.utc) "
        "if it is in UTC.",
        "m": "Send a number of one unit: value / numpy.timedelta64(1, 'ms').",
    }.get(kind, "Send value.item().")
    raise NotSendable(f"{an(name)} cannot be sent", hint, name)


def of_ndarray(value: Any) -> "tuple[Any, str, tuple[int, ...]]":
    """The arguments of ``packed`` for an ndarray: the data in C order and this machine's byte order, the type of the
    elements, the shape. Raises NotSendable."""
    kind = type(value)
    if kind.__name__ not in ("ndarray", "memmap", "matrix") or kind.__module__.partition(".")[0] != "numpy":
        names = [base.__name__ for base in kind.__mro__]
        hint = "Send value.filled()." if "MaskedArray" in names else "Send numpy.asarray(value)."
        if "MaskedConstant" in names:  # its data is 0, which is no value
            hint = "Send None."
        raise NotSendable(f"{an(name_of(kind))} cannot be sent", hint, name_of(kind))
    letter, size = value.dtype.kind, value.dtype.itemsize
    if any(length >= 2**32 for length in value.shape):
        raise NotSendable("an array with a dimension of 2^32 or more cannot be sent", "Reshape it.", name_of(kind))
    if letter == "f" and size == 2:
        # Sent as 32 bits, which hold every 16-bit float: not every JavaScript engine has a Float16Array.
        check_size(value.size * 4, name_of(kind))
        return value.astype(f"{_ORDER}f4", order="C"), f"{_ORDER}f4", value.shape
    if letter not in "biuf" and (letter not in "mM" or "[" not in value.dtype.str) or letter == "f" and size > 8:
        hint = {
            "O": "Send value.tolist(), or an array of numbers.",
            "c": "Send its parts, value.real and value.imag.",
            "V": "Send its fields, {name: value[name] for name in value.dtype.names}.",
            "f": "Send value.astype('float64'), which may lose digits.",
        }.get(letter, "Send value.tolist().")
        raise NotSendable(f"an array of dtype {value.dtype} cannot be sent", hint, name_of(kind))
    check_size(value.nbytes, name_of(kind))
    own = value.astype(value.dtype.newbyteorder("="), order="C", copy=False)
    return own.view("i8") if letter in "mM" else own, own.dtype.str.replace("=", _ORDER), value.shape
