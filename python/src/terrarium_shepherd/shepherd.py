"""The parent of all processes of a run. See the package for its protocol."""

import collections
import errno
import json
import math
import os
import selectors
import signal
import socket
import sys
import time

from terrarium_shepherd import folders, libc, mark, signals
from terrarium_shepherd.enclosure import Enclosure
from terrarium_shepherd.memory import OutOfMemory
from terrarium_shepherd.procfs import HostView, children
from terrarium_shepherd.report import Report
from terrarium_shepherd.spawn import CAN_WAIT_WITHOUT_REAPING, Child, Hanging, Lifelines, pidfd_of, send, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 7

ORDERS = 0
LIFELINE = 3
REPORT = 4

# So many orders are obeyed before it looks at what else has happened.
_ORDERS_AT_ONCE = 16
# So often it looks, in one go, for what the end of an orphan has left to it.
_MOST_LOOKS = 10
_SHORTEST_WAIT = 0.001
_LONGEST_WAIT = 0.5
_GRACE = 0.5
"""So long, in s, what a process has left behind may end by itself. The job of some begins only now: multiprocessing's
resource tracker removes the shared memory of a worker that is gone."""


class Shepherd:
    def __init__(
        self, enclosure: Enclosure, missing: "dict[str, str]", view: HostView, lifeline: int, guard: "int | None"
    ) -> None:
        """``lifeline``: a descriptor of the FIFO; ``guard``: one that ends with the guard process, where there is
        one."""
        self._enclosure = enclosure
        self._missing = missing
        self._view = view
        self._lifelines = Lifelines(lifeline)
        self._guard = guard
        self._flock: "dict[int, Child]" = {}  # those that live, by pid
        self._exited: "dict[int, Child]" = {}  # not reaped, for what they have left behind may still end by itself
        self._uncleared: "set[str]" = set()  # spawns that are reaped, and of which there may be something left
        self._out_of_memory = OutOfMemory.here()
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
        if self._guard is not None:
            self._selector.register(self._guard, selectors.EVENT_READ, self._leave)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._wake)
        while not self._over and self._report.has_listener:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            if self._over:
                break
            if self._first_deadline() <= time.monotonic():
                self._end_orphans()
            self._obey([self._orders.popleft() for _ in range(min(len(self._orders), _ORDERS_AT_ONCE))])

    def _patience(self) -> "float | None":
        """How long it may wait for whatever happens, in s; None: for ever."""
        if self._orders:
            return 0
        return max(0, self._first_deadline() - time.monotonic()) if self._exited else None

    def _first_deadline(self) -> float:
        return min((child.deadline for child in self._exited.values()), default=math.inf)

    def _hear(self) -> None:
        chunk = os.read(ORDERS, 65536)
        if not chunk:
            self._over = True
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        self._orders.extend(json.loads(line) for line in lines)

    def _wake(self) -> None:
        """Signals have come: their numbers can be read."""
        numbers = b""
        try:
            while chunk := self._wakeup.recv(4096):
                numbers += chunk
        except BlockingIOError:
            pass
        self._report.tell(*({"type": "signalled", "signal": each} for each in sorted(signals.OF_APPLICATION & set(numbers))))
        self._reap()

    def _obey(self, orders: "list[dict[str, Any]]") -> None:
        # Each time that it is woken costs the host more than what it is told: all news comes together.
        news = []
        for order in orders:
            if order["type"] == "spawn":
                news.append(self._spawn(order))
            elif order["type"] == "end":
                for child in self._find(order):
                    child.end()
            elif order["type"] == "signal":
                for child in self._find(order):
                    self._signal(child, order["signal"], order["target"])
            elif order["type"] == "flow":
                for child in self._find(order):
                    self._report.let_speak(child, order["channel"], order["on"])
            elif order["type"] == "environment":
                self._environment = order["env"]
            elif order["type"] == "hold":
                folders.hold(order["folder"], self._enclosure.name)
            else:
                raise ValueError("no such order: %s" % order["type"])
        self._report.tell(*news)

    def _find(self, order: "dict[str, Any]") -> "list[Child]":
        return [child for child in self._flock.values() if child.spawn == order["spawn"]]

    def _spawn(self, order: "dict[str, Any]") -> "dict[str, Any]":
        kills = self._out_of_memory.kills()
        try:
            child = spawn(order, self._environment, self._lifelines, self._enclosure, self._view)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or errno.EINVAL
            code = errno.errorcode.get(number, str(number))
            hanging = error.child if isinstance(error, Hanging) else None
            if hanging is not None:
                hanging.killed = True
                self._flock[hanging.pid] = hanging
            return {
                "type": "refused",
                "spawn": order["spawn"],
                "code": code,
                "message": os.strerror(number),
                "begun": hanging is not None,
            }
        self._flock[child.pid] = child
        child.kills_before = kills
        self._report.add(child)
        return {"type": "spawned", "spawn": child.spawn, "pid": child.host_pid, "startTicks": child.start_ticks}

    def _signal(self, child: Child, number: int, target: str) -> None:
        child.killed = child.killed or number == signal.SIGKILL
        if target == "group":
            child.signal_group(number)
        else:
            child.signal(number)

    def _reap(self) -> None:
        """Tells of every process that has exited, and ends what it has left in its group and elsewhere."""
        for child in list(self._flock.values()):
            ended = child.exit_status()
            if ended is None:
                continue
            code, number = ended
            del self._flock[child.pid]
            self._report.remove(child)
            memory = None
            if number == signal.SIGKILL and not child.killed:
                memory = self._out_of_memory.explain(child.kills_before)
            self._report.tell({"type": "exited", "spawn": child.spawn, "code": code, "signal": number, "memory": memory})
            child.deadline = time.monotonic() + (_GRACE if CAN_WAIT_WITHOUT_REAPING else 0)
            self._exited[child.pid] = child
        self._end_orphans()

    def _end_orphans(self) -> None:
        """
        Kills what dead spawns have left to us, once their grace is over. What a living one has left belongs to it, for
        as long as it lives.
        """
        orphans, are_all = self._orphans()
        left = set(orphans.values())
        now = time.monotonic()
        for child in list(self._exited.values()):
            if now < child.deadline and (mark.mark_of(child.spawn) in left or not are_all):
                continue
            # Its number is its own for the last time.
            child.signal_group(signal.SIGKILL)
            child.bury()
            del self._exited[child.pid]
            self._uncleared.add(child.spawn)
        spared = {mark.mark_of(child.spawn) for child in (*self._flock.values(), *self._exited.values())}
        for pid, whose in orphans.items():
            # Without a mark it may be anybody's who lives.
            if whose not in spared if whose is not None else not spared:
                _kill(pid)
        if not are_all:
            # It looks again, after what else there is to do.
            self._waker.send(b"\0")
            return
        # What is further down comes to us when the last one above it is reaped.
        for spawn_id in [each for each in self._uncleared if mark.mark_of(each) not in left]:
            self._uncleared.remove(spawn_id)
            self._report.tell({"type": "cleared", "spawn": spawn_id})

    def _orphans(self) -> "tuple[dict[int, int | None], bool]":
        """The marks of those that were left to us, by pid, and whether that is all. Those that have ended are
        reaped."""
        found: "dict[int, int | None]" = {}
        for _ in range(_MOST_LOOKS):
            found = {}
            reaped = False
            for pid in children():
                if pid in self._flock or pid in self._exited:
                    continue
                if _reaped(pid):
                    reaped = True
                else:
                    found[pid] = mark.read(pid)
            if not reaped:
                return found, True
            # What a reaped one had left may have come too late to be seen.
        return found, False

    def _slaughter(self) -> None:
        """Ends everything below us, and whatever that leaves to us in turn, until there is nothing."""
        wait = _SHORTEST_WAIT
        while True:
            self._enclosure.end()
            for child in (*self._flock.values(), *self._exited.values()):
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
                    self._exited.pop(pid, None)
                    buried = True
            except ChildProcessError:
                return
            # The kernel holds the others, or they are on their way.
            wait = _SHORTEST_WAIT if buried else min(wait * 2, _LONGEST_WAIT)
            time.sleep(wait)


def _reaped(pid: int) -> bool:
    """Whether one that was left to us has ended; it is reaped then."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _kill(pid: int) -> None:
    """One of our children, which nobody but us reaps."""
    pidfd = pidfd_of(pid)
    send(pidfd, pid, signal.SIGKILL)
    if pidfd is not None:
        os.close(pidfd)
