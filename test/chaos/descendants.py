"""Seven kinds of descendants, by what they have done to get away from whoever has started them, and one that has done
more."""

import os
import resource
import subprocess

_NAP = ["sleep", "3600"]
_CLEAR = {"PATH": "/usr/bin:/bin"}


def plain() -> None:
    subprocess.Popen(_NAP)


def own_group() -> None:
    subprocess.Popen(_NAP, preexec_fn=os.setpgrp)


def session() -> None:
    subprocess.Popen(_NAP, start_new_session=True)


def daemon() -> None:
    _daemonise(dict(os.environ))


def daemon_cleared() -> None:
    _daemonise(_CLEAR)


def plain_cleared() -> None:
    subprocess.Popen(_NAP, env=_CLEAR)


def nohup() -> None:
    subprocess.run(["sh", "-c", "nohup sleep 3600 >/dev/null 2>&1 &"], check=True)


def unmarked() -> None:
    """A daemon that has cleared its environment and, on purpose, changed the limit that the shepherd knows it by."""
    _daemonise(_CLEAR, lambda: resource.setrlimit(resource.RLIMIT_RTTIME, (1_000_000, 1_000_000)))


def _daemonise(env: "dict[str, str]", prepare: "object" = lambda: None) -> None:
    """Returns when it is another program: until then it looks like whoever has started it."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            prepare()
            os.execvpe(_NAP[0], _NAP, env)
        os._exit(0)
    os.close(tell)
    os.read(told, 1)
    os.close(told)
    os.waitpid(pid, 0)


KINDS = {kind.__name__: kind for kind in (plain, own_group, session, daemon, daemon_cleared, plain_cleared, nohup)}
ALL = {**KINDS, unmarked.__name__: unmarked}
