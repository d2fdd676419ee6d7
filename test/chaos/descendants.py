"""Eight kinds of descendants, by what they do to escape from the process that started them."""

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
    """A daemon that has cleared its environment and, on purpose, replaced its rlimit tag."""
    _daemonise(_CLEAR, lambda: resource.setrlimit(resource.RLIMIT_RTTIME, (1_000_000, 1_000_000)))


def _daemonise(env: "dict[str, str]", prepare: "object" = lambda: None) -> None:
    """Returns when the daemon has become its program: until then it looks like the process that started it."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            prepare()
            os.execvpe(_NAP[0], _NAP, env)
        os._exit(0)
    os.close(write_end)
    os.read(read_end, 1)
    os.close(read_end)
    os.waitpid(pid, 0)


KINDS = {kind.__name__: kind for kind in (plain, own_group, session, daemon, daemon_cleared, plain_cleared, nohup)}
ALL = {**KINDS, unmarked.__name__: unmarked}
