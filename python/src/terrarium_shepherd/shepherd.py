"""The parent of all processes of a run. See the package for its protocol."""

import collections
import errno
import json
import os
import selectors
import signal
import socket
import sys
import time

from terrarium_shepherd import libc, mark
from terrarium_shepherd.enclosure import Enclosure
from terrarium_shepherd.procfs import HostView, children
from terrarium_shepherd.report import Report
from terrarium_shepherd.spawn import Child, Hanging, pidfd_of, reap, send, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 6

ORDERS = 0
LIFELINE = 3
REPORT = 4

# So many orders are obeyed before it looks at what else has happened.
_ORDERS_AT_ONCE = 16
_SHORTEST_WAIT = 0.001
_LONGEST_WAIT = 0.5


class Shepherd:
    def __init__(self, enclosure: Enclosure, missing: "dict[str, str]", view: HostView, lifeline: str) -> None:
        self._enclosure = enclosure
        self._missing = missing
        self._view = view
        self._lifeline = lifeline
        self._flock: "dict[int, Child]" = {}  # by pid
        self._uncleared: "set[str]" = set()  # spawns that have exited, and of which there may be something left
        self._environment: "dict[str, str]" = {}
        self._pending = b""
        self._orders: "collections.deque[dict[str, Any]]" = collections.deque()
        self._over = False
        self._selector = selectors.DefaultSelector()
        self._report = Report(REPORT, self._selector)
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)

    def run(self) -> None:
        try:
            if sys.platform.startswith("linux"):
                libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
            pid, _ = self._view.introduce()
            self._report.tell(
                {
                    "type": "hello",
                    "version": VERSION,
                    "pid": pid,
                    "containment": self._enclosure.name,
                    "cgroup": self._enclosure.cgroup,
                    "missing": self._missing,
                }
            )
            self._serve()
        finally:
            self._slaughter()
            self._enclosure.clear()

    def _leave(self, *_: object) -> None:
        self._over = True

    def _serve(self) -> None:
        self._selector.register(ORDERS, selectors.EVENT_READ, self._hear)
        self._selector.register(LIFELINE, selectors.EVENT_READ, self._leave)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._wake)
        while not self._over and self._report.has_listener:
            for key, _ in self._selector.select(0 if self._orders else None):
                key.data()
            if not self._over:
                self._obey([self._orders.popleft() for _ in range(min(len(self._orders), _ORDERS_AT_ONCE))])

    def _hear(self) -> None:
        chunk = os.read(ORDERS, 65536)
        if not chunk:
            self._over = True
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        self._orders.extend(json.loads(line) for line in lines)

    def _wake(self) -> None:
        """A signal has come."""
        try:
            while self._wakeup.recv(4096):
                pass
        except BlockingIOError:
            pass
        self._reap()

    def _obey(self, orders: "list[dict[str, Any]]") -> None:
        # Each time that it is woken costs the host more than what it is told: all news comes together.
        news = []
        for order in orders:
            if order["type"] == "spawn":
                news.append(self._spawn(order))
            elif order["type"] == "signal":
                for child in self._find(order):
                    self._signal(child, order["signal"], order["target"])
            elif order["type"] == "flow":
                for child in self._find(order):
                    self._report.let_speak(child, order["channel"], order["on"])
            elif order["type"] == "environment":
                self._environment = order["env"]
            else:
                raise ValueError("no such order: %s" % order["type"])
        self._report.tell(*news)

    def _find(self, order: "dict[str, Any]") -> "list[Child]":
        return [child for child in self._flock.values() if child.spawn == order["spawn"]]

    def _spawn(self, order: "dict[str, Any]") -> "dict[str, Any]":
        try:
            child = spawn(order, self._environment, self._lifeline, self._enclosure, self._view)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or errno.EINVAL
            code = errno.errorcode.get(number, str(number))
            hanging = error.child if isinstance(error, Hanging) else None
            if hanging is not None:
                self._flock[hanging.pid] = hanging
            return {
                "type": "refused",
                "spawn": order["spawn"],
                "code": code,
                "message": os.strerror(number),
                "begun": hanging is not None,
            }
        self._flock[child.pid] = child
        self._report.add(child)
        return {"type": "spawned", "spawn": child.spawn, "pid": child.host_pid, "startTicks": child.start_ticks}

    def _signal(self, child: Child, number: int, target: str) -> None:
        if target == "group":
            child.signal_group(number)
        else:
            child.signal(number)

    def _reap(self) -> None:
        """Tells of every process that has exited, and ends what it has left in its group and elsewhere."""
        while (exited := _first_exited()) is not None:
            pid, code, number = exited
            child = self._flock.pop(pid, None)
            if child is None:
                reap(pid)
                continue
            child.signal_group(signal.SIGKILL)
            child.bury()
            self._report.remove(child)
            self._report.tell({"type": "exited", "spawn": child.spawn, "code": code, "signal": number})
            self._uncleared.add(child.spawn)
        self._end_orphans()

    def _end_orphans(self) -> None:
        """Kills what dead spawns have left to us. What a living one has left belongs to it, for as long as it lives."""
        living = {mark.mark_of(child.spawn) for child in self._flock.values()}
        left = set()
        for pid in children():
            if pid in self._flock:
                continue
            whose = mark.read(pid)
            left.add(whose)
            # Without a mark it may be anybody's who lives.
            if whose not in living if whose is not None else not living:
                _kill(pid)
        # What is further down comes to us when the last one above it is reaped.
        for spawn_id in [each for each in self._uncleared if mark.mark_of(each) not in left]:
            self._uncleared.remove(spawn_id)
            self._report.tell({"type": "cleared", "spawn": spawn_id})

    def _slaughter(self) -> None:
        """Ends everything below us, and whatever that leaves to us in turn, until there is nothing."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait = _SHORTEST_WAIT
        while True:
            self._enclosure.end()
            for child in self._flock.values():
                child.signal_group(signal.SIGKILL)
            for pid in children():
                _kill(pid)
            buried = False
            try:
                while True:
                    pid, _ = os.waitpid(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    self._flock.pop(pid, None)
                    buried = True
            except ChildProcessError:
                return
            # The kernel holds the others, or they are on their way.
            wait = _SHORTEST_WAIT if buried else min(wait * 2, _LONGEST_WAIT)
            time.sleep(wait)


def _first_exited() -> "tuple[int, int | None, int | None] | None":
    """Some child that has exited, and is not reaped: pid, status, signal."""
    if not hasattr(os, "waitid"):
        return _first_reaped()
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if found is None:
        return None
    if found.si_code == os.CLD_EXITED:
        return found.si_pid, found.si_status, None
    return found.si_pid, None, found.si_status


def _first_reaped() -> "tuple[int, int | None, int | None] | None":
    """The same where a child cannot be waited for without reaping it (macOS, before Python 3.13)."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    return (pid, None, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (pid, os.WEXITSTATUS(status), None)


def _kill(pid: int) -> None:
    """One of our children, which nobody but us reaps."""
    pidfd = pidfd_of(pid)
    send(pidfd, pid, signal.SIGKILL)
    if pidfd is not None:
        os.close(pidfd)
