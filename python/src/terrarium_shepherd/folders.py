"""Locks (``flock``) the folders of a run for as long as its host, its guard process or its shepherd lives.

The lock serves two readers. ``systemd-tmpfiles`` skips a locked folder and everything in it. And the sweep of another
run, which cannot see this run's processes when they are in another PID namespace, sees whether any of the three lives.
"""

import errno
import fcntl
import os
import time

HELD = "held"
"""A file in the folder of a run. It has one line, the containment, for each shepherd that has locked the folder."""

_FIRST = 5
"""The descriptor of the first folder. The host has it open too: the lock belongs to the open file that they share."""
_PATIENCE = 1.0
"""How long to retry a lock, in s: a sweep that tries it holds it for a moment."""


def lock_inherited(count: int, containment: str) -> None:
    """Locks the ``count`` folders that the host passed as descriptors, the folder of the run first."""
    for index in range(count):
        fd = _FIRST + index
        os.set_inheritable(fd, False)
        if _lock(fd) and index == 0:
            _note(fd, containment)


def lock_path(path: str, containment: str) -> None:
    """Locks a folder of a run that had to be made again, until this process exits. A missing folder is ignored."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # removed again
    if _lock(fd):
        _note(fd, containment)


def _lock(fd: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except OSError as error:
            # Not every file system has such locks. A sweep never takes a run without a lock for dead.
            if error.errno != errno.EWOULDBLOCK or time.monotonic() > end:
                return False
        time.sleep(0.01)


def _note(folder: int, containment: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(HELD, flags, 0o600, dir_fd=folder)
    except OSError:
        return  # for instance a full disk: the run then counts as one without a lock
    try:
        os.write(file, containment.encode() + b"\n")
    finally:
        os.close(file)
