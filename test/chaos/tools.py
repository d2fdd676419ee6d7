"""What the workers of the chaos can do."""

import os
import subprocess
import time

from terrarium import tool

# Seven kinds of descendants, by what they have done to get away.
_NAP = ["sleep", "3600"]
_CLEAR = {"PATH": "/usr/bin:/bin"}


def plain() -> None:
    subprocess.Popen(_NAP)


def own_group() -> None:
    subprocess.Popen(_NAP, preexec_fn=os.setpgrp)


def session() -> None:
    subprocess.Popen(_NAP, start_new_session=True)


def nohup() -> None:
    subprocess.Popen(["sh", "-c", "nohup sleep 3600 >/dev/null 2>&1 &"])


def plain_cleared() -> None:
    subprocess.Popen(_NAP, env=_CLEAR)


def daemon() -> None:
    _daemonise(None)


def daemon_cleared() -> None:
    _daemonise(_CLEAR)


def _daemonise(env: "dict[str, str] | None") -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvpe(_NAP[0], _NAP, os.environ if env is None else env)
        os._exit(0)
    os.waitpid(pid, 0)


KINDS = {kind.__name__: kind for kind in (plain, own_group, session, daemon, daemon_cleared, plain_cleared, nohup)}


@tool
def plant(kinds: "list[str] | None" = None) -> int:
    """Leaves one descendant of each kind behind; answers how many."""
    wanted = list(KINDS) if kinds is None else kinds
    for kind in wanted:
        KINDS[kind]()
    return len(wanted)


@tool
def echo(value: object) -> object:
    return value


@tool
def sleep(seconds: float) -> None:
    time.sleep(seconds)
