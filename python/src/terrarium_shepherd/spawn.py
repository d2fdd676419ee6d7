"""How a process begins: connected with the host, guarded, tagged, and in its enclosure."""

import errno
import fcntl
import os
import select
import signal
import sys
import time

from terrarium_shepherd import libc, mark, memory, signals
from terrarium_shepherd.enclosure import Enclosure
from terrarium_shepherd.procfs import HostView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXIT_HOST_GONE = 97
CAN_WAIT_WITHOUT_REAPING = hasattr(os, "waitid")
"""Not on macOS before Python 3.13."""

_LIFELINE = 3
_OF_SHEPHERD = 5
_CHANNELS = ("stdout", "stderr", "report")
# So long a process may take to become its program, in s: whoever waits for it can do nothing else meanwhile.
_PATIENCE = 5.0


class Child:
    """A process that was started by order and is not reaped yet, so that its number is its own."""

    __slots__ = ("spawn", "pid", "host_pid", "start_ticks", "pipes", "killed", "kills_before", "deadline", "_ended_by", "_pidfd")

    def __init__(self, order: "dict[str, Any]", pid: int, host_pid: int, start_ticks: "int | None") -> None:
        self.spawn: str = order["spawn"]
        self.pid = pid
        self.host_pid = host_pid
        """The same in the eyes of the host."""
        self.start_ticks = start_ticks
        self.pipes: "dict[str, int]" = {}
        """Our ends, by channel."""
        self.killed = False
        """Whether the host has ordered SIGKILL."""
        self.kills_before = 0
        """Processes that the kernel had killed for want of memory when this one began."""
        self.deadline = 0.0
        """Once it has exited: until when what it has left behind may end by itself, on the monotonic clock in s."""
        self._ended_by = signals.ORDER_TO_END if order.get("obeys") == "order" else signal.SIGTERM
        self._pidfd = pidfd_of(pid)

    def end(self) -> None:
        """Asks it to end in order."""
        send(self._pidfd, self.pid, self._ended_by)

    def signal(self, number: int) -> None:
        send(self._pidfd, self.pid, number)

    def exit_status(self) -> "tuple[int | None, int | None] | None":
        """Its status, or the signal that has ended it; None as long as it lives. It is not reaped, where that can be
        avoided."""
        if CAN_WAIT_WITHOUT_REAPING:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return None
            return (found.si_status, None) if found.si_code == os.CLD_EXITED else (None, found.si_status)
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        return (None, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), None)

    def signal_group(self, number: int) -> None:
        # No descriptor stands for a group, but its number is taken for as long as its leader is not reaped.
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # nobody is left in it, or a member has changed its user: the others got it

    def bury(self) -> None:
        """Reaps it: from now on its number may be anybody's."""
        reap(self.pid)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def pidfd_of(pid: int) -> "int | None":
    """A descriptor of a child that is not reaped yet; None where there are none, or no descriptor is to be had."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def send(pidfd: "int | None", pid: int, number: int) -> None:
    """Signals a child that is not reaped yet."""
    try:
        if pidfd is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(pidfd, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone, or another user's now


def reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


class Hanging(OSError):
    """It has not become its program, and is killed, which the kernel may put off."""

    def __init__(self, child: Child) -> None:
        super().__init__(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        self.child = child


class Lifelines:
    """What ends processes: the pipe whose other end only the host has, and one whose other end only the shepherd
    has."""

    def __init__(self, host: int) -> None:
        """``host``: see ``open_lifeline``. For the shepherd itself, once nobody who lives longer would share what it
        opens."""
        self._host = host
        self._shepherd, self._held = os.pipe()

    def grasp(self) -> "list[int]":
        """Opened anew for each process: whom the kernel is to signal belongs to the open file."""
        host = _open_again(self._host)
        try:
            return [host, _open_again(self._shepherd)]
        except OSError:
            os.close(host)
            raise

    def let_go(self) -> None:
        """In a process that is about to become another program, which may take long: only the shepherd is to hold
        them."""
        os.close(self._held)


def spawn(
    order: "dict[str, Any]", environment: "dict[str, str]", lifelines: Lifelines, enclosure: Enclosure, view: HostView
) -> Child:
    """Raises OSError, or ValueError for what no system takes."""
    ours: "list[int]" = []
    theirs: "list[int]" = []
    try:
        for _ in _CHANNELS:
            end, other = os.pipe()
            ours.append(end)
            theirs.append(other)
            os.set_blocking(end, False)
        of_host, of_shepherd = lifelines.grasp()
        theirs.insert(_LIFELINE - 1, of_host)
        theirs.append(of_shepherd)
        child = _start({**order, "env": {**environment, **order["env"]}}, theirs, lifelines, enclosure, view)
        child.pipes.update(zip(_CHANNELS, ours))
        ours.clear()
        return child
    finally:
        for fd in (*ours, *theirs):
            os.close(fd)


def open_lifeline(path: str) -> int:
    """Makes the FIFO, and holds it, so that nothing is needed of its name once the host has opened it."""
    os.mkfifo(path, 0o600)
    os.chmod(path, 0o600)  # whatever the umask: the host opens it for writing
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def _open_again(pipe: int) -> int:
    place = "/proc/self/fd/%d" if sys.platform.startswith("linux") else "/dev/fd/%d"
    try:
        # It would wait for a host that is gone.
        fd = os.open(place % pipe, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, PermissionError):  # not to be taken for what the program lacks
        raise OSError(errno.ECONNREFUSED, "the lifeline cannot be opened") from None
    os.set_blocking(fd, True)
    return fd


def _start(
    order: "dict[str, Any]", descriptors: "list[int]", lifelines: Lifelines, enclosure: Enclosure, view: HostView
) -> Child:
    told, tell = os.pipe()
    # A signal for the new process must not come while it still has our handlers.
    signals.hold(True)
    try:
        shepherd = os.getpid()
        pid = os.fork()
        if pid == 0:
            lifelines.let_go()
            _become(order, descriptors, shepherd, enclosure, view, tell)
    except OSError:
        os.close(told)
        raise
    finally:
        signals.hold(False)
        os.close(tell)
    words, is_all = _listen(told)
    os.close(told)
    if not is_all:
        child = Child(order, pid, pid, None)
        child.signal(signal.SIGKILL)
        raise Hanging(child)
    said = words.split()
    if len(said) == 2:
        host_pid, start_ticks = int(said[0]), int(said[1])
        return Child(order, pid, host_pid, start_ticks if start_ticks >= 0 else None)
    reap(pid)
    number = int(said[-1]) if said else errno.ECHILD
    raise OSError(number, os.strerror(number))


def _become(
    order: "dict[str, Any]", descriptors: "list[int]", shepherd: int, enclosure: Enclosure, view: HostView, tell: int
) -> None:
    """Ends in another program, or ends. Tells its pid and start, and behind them, in case of failure, why."""
    try:
        pid, start_ticks = view.introduce()
        os.write(tell, b"%d %d" % (pid, -1 if start_ticks is None else start_ticks))
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, *signals.OF_APPLICATION):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        enclosure.admit()
        # Out of the way first: one of them may have the number that another is to have.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in descriptors]
        for target, fd in enumerate([os.open(os.devnull, os.O_RDONLY), *high]):
            os.dup2(fd, target)
        if sys.platform.startswith("linux"):
            _guard(shepherd)
            mark.put_on(mark.mark_of(order["spawn"]))
            memory.go_first()
        if order.get("cwd") is not None:
            os.chdir(order["cwd"])
        env = {**order["env"], "TERRARIUM_HOST_PID": str(shepherd)}
        if order.get("obeys") != "order":
            signals.hold(False)
        os.execvpe(order["command"], [order["command"], *order["args"]], env)
    except OSError as error:
        os.write(tell, b" %d" % (error.errno or errno.EIO))
    except ValueError:  # a NUL, or what cannot be encoded
        os.write(tell, b" %d" % errno.EINVAL)
    except BaseException:
        os.write(tell, b" %d" % errno.EIO)
    finally:
        os._exit(127)


def _guard(shepherd: int) -> None:
    # The group: what it forks dies with it, also when nobody is left to see to that. The parent-death signal is for
    # itself alone, and comes after the end of the shepherd's lifeline: otherwise nobody would be left in the group who
    # has that open.
    for lifeline in (_LIFELINE, _OF_SHEPHERD):
        signal_at_end(lifeline, -os.getpgrp(), signal.SIGKILL)
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    # None of them tells of what had happened before.
    if _has_ended(_LIFELINE) or _has_ended(_OF_SHEPHERD) or os.getppid() != shepherd:
        os._exit(EXIT_HOST_GONE)


def signal_at_end(fd: int, owner: int, number: int) -> None:
    """The kernel signals the owner, a process or minus a group, when the other end is closed, whatever the owner is
    doing."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
    fcntl.fcntl(fd, getattr(fcntl, "F_SETSIG", 10), number)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def _has_ended(lifeline: int) -> bool:
    """Whether the host has let go of it. Poll does not tell of what was so when it was opened."""
    os.set_blocking(lifeline, False)
    try:
        return os.read(lifeline, 1) == b""
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(lifeline, True)


def _listen(fd: int) -> "tuple[bytes, bool]":
    """What comes, and whether that was all, which it is not when time is up, or the host is gone."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    poller.register(_LIFELINE, select.POLLIN)
    said = b""
    end = time.monotonic() + _PATIENCE
    while (left := end - time.monotonic()) > 0:
        if fd not in dict(poller.poll(left * 1000)):
            break
        chunk = os.read(fd, 4096)
        if not chunk:
            return said, True
        said += chunk
    return said, False
