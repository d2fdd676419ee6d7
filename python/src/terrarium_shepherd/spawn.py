"""Starts a process: connected with the host by pipes, bound to the lifelines, carrying its rlimit tag, and inside the
containment. ``Child`` is such a process until it is reaped."""

import errno
import fcntl
import os
import select
import signal
import sys
import time

from terrarium_shepherd import libc, memory, rlimit_tag, signals
from terrarium_shepherd.containment import Containment
from terrarium_shepherd.procfs import HostView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXIT_HOST_GONE = 97
"""Exit status of a process that found its host or shepherd gone before its exec."""
CAN_WAIT_WITHOUT_REAPING = hasattr(os, "waitid")
"""False on macOS before Python 3.13."""

# Descriptors of a started process.
_LIFELINE = 3
_SHEPHERD_LIFELINE = 5
_CHANNELS = ("stdout", "stderr", "report")
_EXEC_TIMEOUT = 5.0
"""How long a process may take to become its program, in s. The shepherd does nothing else while it waits."""

_WORTH_WAITING = 0.05
"""Descendants that have waited for a processor for less than this have had their grace, in s."""


class Child:
    """A process started by an order and not reaped yet, so that its pid cannot be reused."""

    __slots__ = (
        "spawn",
        "pid",
        "host_pid",
        "start_ticks",
        "pipes",
        "killed",
        "kills_before",
        "deadline",
        "last_deadline",
        "_waited",
        "_end_signal",
        "_pidfd",
    )

    def __init__(self, order: "dict[str, Any]", pid: int, host_pid: int, start_ticks: "int | None") -> None:
        self.spawn: str = order["spawn"]
        self.pid = pid
        self.host_pid = host_pid
        """The pid that the host sees; differs from ``pid`` inside a PID namespace."""
        self.start_ticks = start_ticks
        """The start in clock ticks since boot; None without /proc."""
        self.pipes: "dict[str, int]" = {}
        """The shepherd's ends, by channel."""
        self.killed = False
        """Whether the host has ordered SIGKILL."""
        self.kills_before = 0
        """The number of processes the kernel had killed for want of memory when this one was started."""
        self.deadline = 0.0
        """Set at its exit: until when its descendants may exit by themselves, in s on the monotonic clock."""
        self.last_deadline = 0.0
        """Set at its exit: until when they may at most."""
        self._waited: "float | None" = None
        self._end_signal = signals.ORDER_TO_END if order.get("obeys") == "order" else signal.SIGTERM
        self._pidfd = pidfd_of(pid)

    def spares_descendants(self, now: float, waited: float) -> bool:
        """After its exit: whether its descendants are spared now. ``waited``: the longest time that a descendant has
        waited for a processor in its life, in s. At the deadline, the wait since the exit is added to it."""
        if self._waited is None:
            self._waited = waited
        elif now >= self.deadline:
            more, self._waited = waited - self._waited, waited
            if more > _WORTH_WAITING:
                self.deadline = min(now + more, self.last_deadline)
        return now < self.deadline

    def end(self) -> None:
        """Asks it to exit, by SIGTERM or the order to end."""
        send(self._pidfd, self.pid, self._end_signal)

    def signal(self, number: int) -> None:
        """Sends a signal to the process alone."""
        send(self._pidfd, self.pid, number)

    def exit_status(self) -> "tuple[int | None, int | None] | None":
        """(status, None) or (None, signal) once the process has exited, else None. Does not reap the process, unless
        the system lacks waitid."""
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
        """Sends a signal to the process and everything in its group."""
        # There is no pidfd of a group, but its number cannot be reused while its leader is not reaped.
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # the group is empty, or a member has changed its user: the others got the signal

    def reap(self) -> None:
        """Reaps the process: from now on its pid may be reused."""
        _reap(self.pid)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def pidfd_of(pid: int) -> "int | None":
    """A pidfd of a child that is not reaped yet; None where the system has none, or no descriptor is free."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def send(pidfd: "int | None", pid: int, number: int) -> None:
    """Signals a child that is not reaped yet, by its pidfd if there is one."""
    try:
        if pidfd is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(pidfd, number)
    except (ProcessLookupError, PermissionError):
        pass  # exited, or it has changed its user


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


class SpawnTimeout(OSError):
    """The process did not become its program in time. It is killed, which the kernel may delay."""

    def __init__(self, child: Child) -> None:
        super().__init__(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        self.child = child


class Lifelines:
    """The two pipes whose end kills processes. The host alone has the write end of the one, the shepherd alone that
    of the other."""

    def __init__(self, host: int) -> None:
        """``host``: see ``open_lifeline``. Make this in the shepherd itself, after the fork that leaves the guard
        process behind: the guard process would keep the write end open after the shepherd's exit."""
        self._host = host
        self._shepherd, self._write_end = os.pipe()

    def open(self) -> "list[int]":
        """Descriptors for one process, of the host's and the shepherd's lifeline. Each process needs its own open
        files, because the kernel keeps the process to signal there."""
        host = _open_again(self._host)
        try:
            return [host, _open_again(self._shepherd)]
        except OSError:
            os.close(host)
            raise

    def close_write_end(self) -> None:
        """For a forked child before its exec, which may take long: only the shepherd may hold the write end."""
        os.close(self._write_end)


def spawn(
    order: "dict[str, Any]",
    environment: "dict[str, str]",
    lifelines: Lifelines,
    containment: Containment,
    view: HostView,
) -> Child:
    """
    Starts the process of a ``spawn`` order with ``environment`` and the order's own ``env``, and returns it once it has
    become its program. Raises OSError with the errno of the failure, SpawnTimeout after 5 s, and ValueError for an
    order that no system accepts.
    """
    ours: "list[int]" = []
    theirs: "list[int]" = []
    try:
        for _ in _CHANNELS:
            read_end, write_end = os.pipe()
            ours.append(read_end)
            theirs.append(write_end)
            os.set_blocking(read_end, False)
        of_host, of_shepherd = lifelines.open()
        theirs.insert(_LIFELINE - 1, of_host)
        theirs.append(of_shepherd)
        child = _start({**order, "env": {**environment, **order["env"]}}, theirs, lifelines, containment, view)
        child.pipes.update(zip(_CHANNELS, ours))
        ours.clear()
        return child
    finally:
        for fd in (*ours, *theirs):
            os.close(fd)


def open_lifeline(path: str) -> int:
    """Makes the FIFO of the lifeline and returns a read end. Once the host has opened the FIFO, its name is not needed
    any more."""
    os.mkfifo(path, 0o600)
    os.chmod(path, 0o600)  # despite the umask: the host opens it for writing
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def _open_again(pipe: int) -> int:
    """A new open file of the same pipe."""
    place = "/proc/self/fd/%d" if sys.platform.startswith("linux") else "/dev/fd/%d"
    try:
        # A blocking open would wait for ever if the host is gone.
        fd = os.open(place % pipe, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, PermissionError):  # another errno: these would mean that the program is missing
        raise OSError(errno.ECONNREFUSED, "the lifeline cannot be opened") from None
    os.set_blocking(fd, True)
    return fd


def _start(
    order: "dict[str, Any]", descriptors: "list[int]", lifelines: Lifelines, containment: Containment, view: HostView
) -> Child:
    result, write_end = os.pipe()
    # A signal for the new process must not arrive while it still has the shepherd's handlers.
    signals.block(True)
    try:
        shepherd = os.getpid()
        pid = os.fork()
        if pid == 0:
            lifelines.close_write_end()
            _exec(order, descriptors, shepherd, containment, view, write_end)
    except OSError:
        os.close(result)
        raise
    finally:
        signals.block(False)
        os.close(write_end)
    line, is_complete = _read_result(result)
    os.close(result)
    if not is_complete:
        child = Child(order, pid, pid, None)
        child.signal(signal.SIGKILL)
        raise SpawnTimeout(child)
    numbers = line.split()
    if len(numbers) == 2:
        host_pid, start_ticks = int(numbers[0]), int(numbers[1])
        return Child(order, pid, host_pid, start_ticks if start_ticks >= 0 else None)
    _reap(pid)
    number = int(numbers[-1]) if numbers else errno.ECHILD
    raise OSError(number, os.strerror(number))


def _exec(
    order: "dict[str, Any]",
    descriptors: "list[int]",
    shepherd: int,
    containment: Containment,
    view: HostView,
    result: int,
) -> None:
    """Prepares the forked child and becomes the program, or exits. Writes the child's pid and start ticks to
    ``result``, and after a failure also the errno."""
    try:
        pid, start_ticks = view.pid_and_start()
        os.write(result, b"%d %d" % (pid, -1 if start_ticks is None else start_ticks))
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, *signals.OF_APPLICATION):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        containment.join()
        # Moved up first: a descriptor may have the number that another one is to get.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in descriptors]
        for target, fd in enumerate([os.open(os.devnull, os.O_RDONLY), *high]):
            os.dup2(fd, target)
        if sys.platform.startswith("linux"):
            _arm(shepherd)
            rlimit_tag.apply(rlimit_tag.tag_of(order["spawn"]))
            memory.be_killed_first()
        if order.get("cwd") is not None:
            os.chdir(order["cwd"])
        env = {**order["env"], "TERRARIUM_HOST_PID": str(shepherd)}
        if order.get("obeys") != "order":
            signals.block(False)
        os.execvpe(order["command"], [order["command"], *order["args"]], env)
    except OSError as error:
        os.write(result, b" %d" % (error.errno or errno.EIO))
    except ValueError:  # a NUL, or text that cannot be encoded
        os.write(result, b" %d" % errno.EINVAL)
    except BaseException:
        os.write(result, b" %d" % errno.EIO)
    finally:
        os._exit(127)


def _arm(shepherd: int) -> None:
    """Makes the kernel kill this process and its group when the host or the shepherd is gone."""
    # The lifelines signal the whole group, so forks die too, even when neither host nor shepherd is left to kill them.
    # The parent-death signal kills this process alone. It comes after the end of the shepherd's lifeline: if it came
    # first, this process would take the open lifeline with it, and its group would get no signal.
    for lifeline in (_LIFELINE, _SHEPHERD_LIFELINE):
        signal_at_end(lifeline, -os.getpgrp(), signal.SIGKILL)
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    # None of these signals reports what happened before it was set.
    if _has_ended(_LIFELINE) or _has_ended(_SHEPHERD_LIFELINE) or os.getppid() != shepherd:
        os._exit(EXIT_HOST_GONE)


def signal_at_end(fd: int, owner: int, number: int) -> None:
    """Has the kernel send signal ``number`` to ``owner`` (a pid, or minus a group) when the other end of ``fd`` is
    closed."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, owner)
    fcntl.fcntl(fd, getattr(fcntl, "F_SETSIG", 10), number)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def _has_ended(lifeline: int) -> bool:
    """Whether the other end is closed. Reads, because poll does not report a state from before the open."""
    os.set_blocking(lifeline, False)
    try:
        return os.read(lifeline, 1) == b""
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(lifeline, True)


def _read_result(fd: int) -> "tuple[bytes, bool]":
    """Reads what ``_exec`` writes. The second value is False if time ran out or the host was gone before its end."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    poller.register(_LIFELINE, select.POLLIN)
    result = b""
    end = time.monotonic() + _EXEC_TIMEOUT
    while (left := end - time.monotonic()) > 0:
        if fd not in dict(poller.poll(left * 1000)):
            break
        chunk = os.read(fd, 4096)
        if not chunk:
            return result, True
        result += chunk
    return result, False
