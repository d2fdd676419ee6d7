"""The guard process: it stands between the host and the shepherd, where these are not parent and child."""

import os
import select
import signal

from terrarium_shepherd import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from terrarium_shepherd.enclosure import Enclosure

_ORDERS = 0
_REPORT = 4


def stand_guard(enclosure: "Enclosure", last_word: int) -> int:
    """
    Returns in a new process, the shepherd, with a descriptor that ends when this process, the guard process, does; the
    kernel sends the shepherd ``last_word`` then. The guard process waits for the end of the shepherd, clears up, and
    ends in the same way.
    """
    held, hold = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(hold)
        libc.prctl(libc.PR_SET_PDEATHSIG, last_word)
        # That tells nothing of what had happened before.
        poller = select.poll()
        poller.register(held, select.POLLIN)
        if poller.poll(0):
            os._exit(0)
        return held
    # The host is to see at once when the shepherd no longer holds them.
    os.close(_ORDERS)
    os.close(_REPORT)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _, status = os.waitpid(pid, 0)
    enclosure.clear()
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))
