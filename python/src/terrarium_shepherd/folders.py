"""The folders of a run, locked (``flock``) for as long as its host, its guard process or its shepherd lives.

A lock tells two things. ``systemd-tmpfiles`` passes a locked folder by, with all that is in it. And a sweeper that does
not see the processes of the run, since they are in another PID namespace, sees whether any of the three is alive.
"""

import errno
import fcntl
import os
import time

HELD = "held"
"""This file in the folder of a run has a line, its containment, for each shepherd that has locked the folder."""

_FIRST = 5
"""The descriptor of the first folder. The host has it open too: the lock belongs to the open file that they share."""
_PATIENCE = 1.0
"""A sweeper that tries the lock has it for a moment. In s."""


def take_over(count: int, containment: str) -> None:
    """Locks the folders that the host has handed over, the folder of the run first."""
    for index in range(count):
        fd = _FIRST + index
        os.set_inheritable(fd, False)
        if _lock(fd) and index == 0:
            _note(fd, containment)


def hold(path: str, containment: str) -> None:
    """The same for a folder of a run that had to be made again, until this process ends."""
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
            # Not every file system has such locks. Without one, no sweeper takes the run for dead.
            if error.errno != errno.EWOULDBLOCK or time.monotonic() > end:
                return False
        time.sleep(0.01)


def _note(folder: int, containment: str) -> None:
    try:
        file = os.open(HELD, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=folder)
    except OSError:
        return  # the disk is full, say: as without a lock
    try:
        os.write(file, containment.encode() + b"\n")
    finally:
        os.close(file)
