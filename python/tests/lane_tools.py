"""Tools for the tests of the socket lane."""

import os
import signal
import socket
import subprocess
import sys
import time

from terrarium import tool

# Settings of the process that the session must not depend on.
socket.setdefaulttimeout(0.05)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)


@tool
def short(value=None):
    return value


@tool
def long(path):
    open(path + ".begun", "x").close()
    while not os.path.exists(path):
        time.sleep(0.002)
    return "long"


@tool
def text(size):
    return "x" * size


@tool
def leave_a_child():
    pid = os.fork()
    if pid == 0:
        os.close(1)
        os.close(2)
        time.sleep(600)
    return pid


@tool
def leave_a_program():
    return subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid


@tool
def modules():
    return [name for name in ("grpc", "google", "google.protobuf", "asyncio", "numpy") if name in sys.modules]


@tool
def keep(size):
    """Keeps the memory of its result."""
    global kept
    kept = bytearray(size)
    return kept


@tool
def grow():
    kept.extend(b"x")  # raises BufferError if memory is still exported
    return len(kept)
