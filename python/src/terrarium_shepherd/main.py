"""Reads the shepherd's command line, chooses the containment, locks the folders, and runs the shepherd."""

import json
import os
import signal
import sys

from terrarium_shepherd import folders
from terrarium_shepherd.containment import Unavailable, choose
from terrarium_shepherd.procfs import HostView
from terrarium_shepherd.shepherd import LIFELINE, NEWS, ORDERS, VERSION, Shepherd
from terrarium_shepherd.spawn import open_lifeline, signal_at_end

EXIT_CONFIGURATION = 78


def main() -> None:
    """Runs the shepherd until the host is gone. Exits with 78 if the wanted containment is unavailable."""
    wanted = _option("--containment", "auto")
    locked = int(_option("--folders", "0"))
    _close_strays(NEWS + 1 + locked)
    for fd in (ORDERS, LIFELINE, NEWS):
        os.set_inheritable(fd, False)
    view = HostView()
    if sys.platform.startswith("linux"):
        # If the host dies while shepherd or guard process is stopped, SIGCONT lets both continue and see it.
        signal_at_end(LIFELINE, -os.getpgrp(), signal.SIGCONT)
    try:
        containment, missing = choose(wanted, _option("--name", str(os.getpid())))
    except Unavailable as reason:
        news = {"type": "unavailable", "version": VERSION, "containment": wanted, "reason": str(reason)}
        os.write(NEWS, json.dumps(news).encode() + b"\n")
        sys.exit(EXIT_CONFIGURATION)
    folders.lock_inherited(locked, containment.name)
    lifeline = open_lifeline(_option("--lifeline", ""))
    guard = containment.enter()
    Shepherd(containment, missing, view, lifeline, guard).run()


def _close_strays(first: int) -> None:
    """Closes what the host has left open for its children by mistake, as some of its addons do with their files: the
    processes would keep it open. ``first``: the first descriptor that is not meant for this process."""
    try:
        strays = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        strays = list(range(first, 256))
    for fd in strays:
        if fd >= first:
            try:
                os.close(fd)
            except OSError:
                pass  # it listed the folder, or was none


def _option(name: str, default: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default
