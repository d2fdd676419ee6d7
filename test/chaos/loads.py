"""A process with one kind of load: prints "ready" once it has begun, and goes on for ever.

Usage: loads.py LOAD [ARGUMENT ...]
"""

import ctypes
import os
import signal
import sys
import time

import descendants

LOAD, REST = sys.argv[1], sys.argv[2:]
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO, signal.SIGPIPE)


def main() -> None:
    if LOAD == "ignoring":
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
    if LOAD == "descendants":
        for kind in REST:
            descendants.ALL[kind]()
    read, _ = os.pipe()
    print("ready", flush=True)
    if LOAD == "loop":
        while True:
            pass
    if LOAD == "gil":
        ctypes.PyDLL(None).sleep(3600)
    if LOAD == "read":
        os.read(read, 1)
    if LOAD == "exit":
        os._exit(int(REST[0]))
    while True:
        time.sleep(3600)


main()
