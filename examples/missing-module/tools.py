"""A tool whose module imports a package that a new environment does not have."""

import sys

import msgpack

from terrarium import tool


@tool
def versions() -> "dict[str, str]":
    """The interpreter of this worker, and the version of the package."""
    return {"python": sys.executable, "msgpack": ".".join(map(str, msgpack.version))}
