"""The guard process: it stands between host and shepherd at containment levels cgroup and pidns. It waits for the end
of the shepherd, removes the containment, and exits with the shepherd's status."""

import os
import select
import signal

from terrarium_shepherd import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from terrarium_shepherd.containment import Containment

_ORDERS = 0
_MESSAGES = 4


def fork_shepherd(containment: "Containment", last_signal: int) -> int:
    """
    Forks the shepherd and returns in it. The calling process becomes the guard process and never returns.

    The result is a descriptor that ends when the guard process does; the kernel then also sends the shepherd
    ``last_signal``.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write_end)
        libc.prctl(libc.PR_SET_PDEATHSIG, last_signal)
        # The parent-death signal does not report a parent that had exited before.
        poller = select.poll()
        poller.register(read_end, select.POLLIN)
        if poller.poll(0):
            os._exit(0)
        return read_end
    # The host must see at once when the shepherd no longer holds these.
    os.close(_ORDERS)
    os.close(_MESSAGES)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _, status = os.waitpid(pid, 0)
    containment.remove()
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))
