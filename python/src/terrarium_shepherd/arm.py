"""Ties the life of this process to its host's, before anything else is imported.

The host holds one end of the lifeline and never writes to it. When that end closes, for whatever reason, this process
ends:

* Linux: the kernel itself sends SIGKILL (``O_ASYNC`` with ``F_SETSIG``), so the GIL, a signal handler or a stopped
  process cannot delay it. When the process leads its group, as a worker does, the signal goes to the whole group. The
  parent-death signal is a second, independent guard when the host is the direct parent.
* Elsewhere: a thread waits for the end of the lifeline. A C extension that holds the GIL delays it, and a stopped
  process is ended only when it continues.

Standard library only, and little of it: this is imported before anything else.
"""

import fcntl
import os
import posix
import sys

EXIT_HOST_GONE = 97
"""Exit status of a process that found its host gone, or no lifeline, while arming."""

_SIGKILL = 9
_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform.startswith("linux")


def arm(lifeline_fd: int = 3, host_pid: "int | None" = None) -> None:
    """Makes this process end when its host ends. Call it once, before anything else, from the main thread.

    ``lifeline_fd`` is this process's own lifeline. Its open file must not be shared with another process, because the
    kernel keeps the process to signal there. ``host_pid`` defaults to the variable ``TERRARIUM_HOST_PID``. If the host
    is gone already, or there is no lifeline, this process exits here with status 97.
    """
    if host_pid is None:
        host_pid = int(os.environ.get("TERRARIUM_HOST_PID") or 0)
    try:
        os.set_inheritable(lifeline_fd, False)
        if _LINUX:
            leads = os.getpgrp() == os.getpid()
            fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, -os.getpid() if leads else os.getpid())
            fcntl.fcntl(lifeline_fd, getattr(fcntl, "F_SETSIG", 10), _SIGKILL)
            flags = fcntl.fcntl(lifeline_fd, fcntl.F_GETFL)
            fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
        else:
            _watch(lifeline_fd)
    except OSError as error:
        _leave("no lifeline on descriptor %d (%s): start this through Terrarium" % (lifeline_fd, error))
    # A lifeline that was closed before it was armed raises no signal: look once, now that the signal is set.
    if _has_ended(lifeline_fd):
        _leave("the host is gone")
    # Behind a wrapper the parent is not the host, and the wrapper's death must not be taken for the host's.
    if _LINUX and host_pid and os.getppid() == host_pid:
        _die_with_parent()
        if os.getppid() != host_pid:
            _leave("the host is gone")


def _has_ended(fd: int) -> bool:
    # Not by `select` or `os.read`: sitecustomize may have replaced them by functions that wait (eventlet).
    os.set_blocking(fd, False)
    try:
        return len(posix.read(fd, 1)) == 0
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(fd, True)


def _die_with_parent() -> None:
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass  # An interpreter without ctypes still has its lifeline.


def _watch(fd: int) -> None:
    import _thread

    def wait() -> None:
        try:
            while os.read(fd, 1):
                pass
        except OSError:
            pass
        os.kill(os.getpid(), _SIGKILL)

    _thread.start_new_thread(wait, ())


def _leave(why: str) -> None:
    try:
        os.write(2, ("terrarium: %s\n" % why).encode("utf-8", "replace"))
    except OSError:
        pass
    os._exit(EXIT_HOST_GONE)
