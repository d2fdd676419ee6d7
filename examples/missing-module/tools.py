"""A tool of a worker that starts only if the modules that every worker needs can be imported."""

import sys
from importlib.metadata import version

from terrarium import tool


@tool
def versions() -> "dict[str, str]":
    """The interpreter and the library versions of this worker."""
    packages = ("grpcio", "protobuf", "msgpack")
    return {"python": sys.executable, **{package: version(package) for package in packages}}
