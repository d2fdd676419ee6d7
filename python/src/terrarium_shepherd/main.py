import json
import os
import signal
import sys

from terrarium_shepherd import folders
from terrarium_shepherd.enclosure import Unavailable, choose
from terrarium_shepherd.procfs import HostView
from terrarium_shepherd.shepherd import LIFELINE, ORDERS, REPORT, VERSION, Shepherd
from terrarium_shepherd.spawn import open_lifeline, signal_at_end

EXIT_CONFIGURATION = 78


def main() -> None:
    wanted = _option("--containment", "auto")
    for fd in (ORDERS, LIFELINE, REPORT):
        os.set_inheritable(fd, False)
    view = HostView()
    if sys.platform.startswith("linux"):
        # If the host dies while we are stopped, we are to go on and see it; and so is a guard process.
        signal_at_end(LIFELINE, -os.getpgrp(), signal.SIGCONT)
    try:
        enclosure, missing = choose(wanted, _option("--name", str(os.getpid())))
    except Unavailable as reason:
        news = {"type": "unavailable", "version": VERSION, "containment": wanted, "reason": str(reason)}
        os.write(REPORT, json.dumps(news).encode() + b"\n")
        sys.exit(EXIT_CONFIGURATION)
    folders.take_over(int(_option("--folders", "0")), enclosure.name)
    lifeline = open_lifeline(_option("--lifeline", ""))
    guard = enclosure.enter()
    Shepherd(enclosure, missing, view, lifeline, guard).run()


def _option(name: str, default: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default
