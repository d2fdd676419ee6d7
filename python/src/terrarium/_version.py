"""The versions that a worker sends in Hello: of the package and of the protocol."""

__version__ = "0.1.0"

PROTOCOL_VERSION = 4
"""The version of the protocol spoken here; a host that speaks another one is refused."""
