"""A tool that can only answer where the worker's own modules can be imported."""

import sys
from importlib.metadata import version

from terrarium import tool


@tool
def versions() -> "dict[str, str]":
    """What this worker runs on."""
    packages = ("grpcio", "protobuf", "msgpack")
    return {"python": sys.executable, **{package: version(package) for package in packages}}
