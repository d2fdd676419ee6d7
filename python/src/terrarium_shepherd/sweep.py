"""The sweep helper: kills tagged processes whose shepherd is gone, and no others. It also tells which folders of runs
are locked. Standard library only.

Run as ``python -I -S sweep.py`` with JSON on standard input::

    {"targets": [{"pid": 4711, "startTicks": 123456, "spawnTag": "installation:run:spawn",
                  "rlimitTag": "4611686018427387904"}],
     "folders": ["/…/runs/abc1234"], "timeout": 2000}

``spawnTag`` and ``rlimitTag`` (optional) are the tags that the process is known to carry; ``timeout`` is in ms. The
result is one JSON object on standard output, with one outcome per target and one lock per folder in the same order::

    {"outcomes": ["killed" | "gone" | "mismatch" | "odd" | "denied" | "unkillable" | "unsupported", ...],
     "locks": ["held" | "free" | "unknown", ...]}

A process is pinned with a pidfd first, then compared in full (start ticks, and the whole variable ``TERRARIUM_SPAWN``
of its environment or, if it has none, the rlimit tag, see ``terrarium_shepherd/rlimit_tag.py``), and only then
signalled through that pidfd: the signal goes to the process that was compared, never to a number. ``gone``: it had
exited already. ``mismatch``: the pid is another process's. ``odd``: the process cannot be read. ``denied``: this user
may not signal it. ``unkillable``: it did not exit within the time-out. ``unsupported``: this system has no pidfd. In
all these cases the process stays as it is.

The lock of a folder is ``free`` if the folder was locked once and is not locked now: host, guard process and shepherd
of the run have exited, in whatever PID namespace they were (``terrarium_shepherd/folders.py``). ``unknown``: it was
never locked, or cannot be read.
"""

import fcntl
import json
import os
import select
import signal
import stat
import sys
import time

# Python puts the folder of the script first, unless it runs with -I.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from terrarium_shepherd import arm, signals  # noqa: E402
from terrarium_shepherd.folders import HELD  # noqa: E402

_SPAWN_TAG = b"TERRARIUM_SPAWN="


def main() -> None:
    signals.disregard_application()
    arm.arm()
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    timeout = float(request["timeout"]) / 1000
    # SIGALRM ends this process if anything here hangs.
    signal.alarm(int(timeout) + 10)
    answer = {
        "outcomes": sweep(request["targets"], timeout),
        "locks": [lock_of(folder) for folder in request["folders"]],
    }
    try:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    except OSError:
        os._exit(0)  # The host is gone; the work is done.


def sweep(targets: "list[dict]", timeout: float) -> "list[str]":
    """Kills every target that the comparison confirms, and waits for all of them together, at most ``timeout`` s.
    Returns the outcomes in the order of the targets."""
    outcomes = []
    waiting = {}
    for index, target in enumerate(targets):
        spawn_tag, rlimit_tag = target["spawnTag"].encode(), target.get("rlimitTag", "").encode()
        outcome, pidfd = _kill(int(target["pid"]), int(target["startTicks"]), spawn_tag, rlimit_tag)
        outcomes.append(outcome)
        if pidfd is not None:
            waiting[pidfd] = index
    poller = select.poll()
    for pidfd in waiting:
        poller.register(pidfd, select.POLLIN)
    deadline = time.monotonic() + timeout
    while waiting:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        for pidfd, _ in poller.poll(left * 1000):
            outcomes[waiting.pop(pidfd)] = "killed"
            poller.unregister(pidfd)
            os.close(pidfd)
    return outcomes


def lock_of(folder: str) -> str:
    """The state of the lock on the folder of a run: ``held``, ``free`` or ``unknown``, see the top of this file."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return "unknown"
    try:
        # Without this file no process has had the lock: the host is just starting, or the file system has no locks.
        if not stat.S_ISREG(os.stat(HELD, dir_fd=fd, follow_symlinks=False).st_mode):
            return "unknown"
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return "free"
    except BlockingIOError:
        return "held"
    except OSError:
        return "unknown"  # no such file, or a file system that locks for writing only
    finally:
        os.close(fd)


def _kill(pid: int, start_ticks: int, spawn_tag: bytes, rlimit_tag: bytes) -> "tuple[str, int | None]":
    if pid <= 1 or pid == os.getpid():
        return "mismatch", None
    if not hasattr(os, "pidfd_open"):
        return "unsupported", None
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return "gone", None
    except OSError:
        return "unsupported", None
    verdict = _compare(pid, start_ticks, spawn_tag, rlimit_tag)
    if verdict is None:
        try:
            # If the signal arrives, the process was alive during the comparison, so the comparison was about it.
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            return "unkillable", pidfd  # until it is seen to exit
        except ProcessLookupError:
            verdict = "gone"
        except PermissionError:
            verdict = "denied"
    os.close(pidfd)
    return verdict, None


def _compare(pid: int, start_ticks: int, spawn_tag: bytes, rlimit_tag: bytes) -> "str | None":
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/%d/environ" % pid, "rb") as file:
            environ = file.read()
        with open("/proc/%d/limits" % pid, "rb") as file:
            limits = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    except OSError:
        return "odd"
    if fields[0] in (b"Z", b"X"):
        return "gone"
    if int(fields[19]) != start_ticks:
        return "mismatch"
    tags = [variable for variable in environ.split(b"\0") if variable.startswith(_SPAWN_TAG)]
    if tags:
        return None if tags[:1] == [_SPAWN_TAG + spawn_tag] else "mismatch"
    timeout = limits.partition(b"Max realtime timeout")[2].split(None, 1)[:1]
    if rlimit_tag and timeout == [rlimit_tag]:
        return None
    return "mismatch" if environ else "odd"


if __name__ == "__main__":
    main()
