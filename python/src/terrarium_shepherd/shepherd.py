"""The shepherd's main loop: carries out the host's orders, reaps what exits, and kills orphans. It is the parent of all
processes of a run, and their subreaper. The package's docstring describes its protocol."""

import collections
import errno
import json
import math
import os
import selectors
import signal
import sys
import time
from _socket import socketpair  # the module socket takes long to import

from terrarium_shepherd import folders, libc, rlimit_tag, signals
from terrarium_shepherd.containment import Containment
from terrarium_shepherd.host_writer import HostWriter
from terrarium_shepherd.memory import OomKills
from terrarium_shepherd.procfs import HostView, children, waited
from terrarium_shepherd.spawn import CAN_WAIT_WITHOUT_REAPING, Child, Lifelines, SpawnTimeout, pidfd_of, send, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 7
"""The version of the protocol with the host."""

# Descriptors.
ORDERS = 0
LIFELINE = 3
NEWS = 4

_ORDERS_AT_ONCE = 16
"""Orders carried out before the shepherd looks at other events."""
_MAX_SCANS = 10
"""Scans for orphans in one go: each reaped orphan may have left orphans of its own."""
_SHORTEST_WAIT = 0.001
"""In s."""
_LONGEST_WAIT = 0.5
"""In s."""
_GRACE = 0.5
"""How long descendants of an exited process may exit by themselves, in s. Some do their job only now: multiprocessing's
resource tracker removes the shared memory of a worker that has exited. What they wait for a processor is added."""
_LONGEST_GRACE = 5.0
"""However busy the machine is, in s."""


class Shepherd:
    """Call ``run``."""

    def __init__(
        self, containment: Containment, missing: "dict[str, str]", view: HostView, lifeline: int, guard: "int | None"
    ) -> None:
        """``missing``: why each better containment is not used; ``lifeline``: a descriptor of the processes' FIFO;
        ``guard``: a descriptor that ends with the guard process, None without one."""
        self._containment = containment
        self._missing = missing
        self._view = view
        self._lifelines = Lifelines(lifeline)
        self._guard = guard
        self._running: "dict[int, Child]" = {}  # by pid
        # By pid, exited and not reaped: their descendants may still exit by themselves.
        self._exited: "dict[int, Child]" = {}
        self._uncleared: "set[str]" = set()  # ids of reaped spawns that may have left descendants
        self._oom_kills = OomKills.here()
        self._environment: "dict[str, str]" = {}
        self._partial_line = b""
        self._orders: "collections.deque[dict[str, Any]]" = collections.deque()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._host = HostWriter(NEWS, self._selector)
        self._wakeup, self._waker = socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Serves the host until it or the guard process is gone, then kills every process that is left."""
        try:
            if sys.platform.startswith("linux"):
                libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
            pid, _ = self._view.pid_and_start()
            self._host.send(
                {
                    "type": "hello",
                    "version": VERSION,
                    "pid": pid,
                    "containment": self._containment.name,
                    "cgroup": self._containment.cgroup,
                    "missing": self._missing,
                }
            )
            self._serve()
        finally:
            self._kill_all()
            self._containment.remove()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _serve(self) -> None:
        self._selector.register(ORDERS, selectors.EVENT_READ, self._read_orders)
        self._selector.register(LIFELINE, selectors.EVENT_READ, self._stop)
        if self._guard is not None:
            self._selector.register(self._guard, selectors.EVENT_READ, self._stop)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._handle_signals)
        while not self._stopping and self._host.has_reader:
            for key, _ in self._selector.select(self._select_timeout()):
                key.data()
            if self._stopping:
                break
            if self._first_deadline() <= time.monotonic():
                self._kill_orphans()
            self._carry_out([self._orders.popleft() for _ in range(min(len(self._orders), _ORDERS_AT_ONCE))])

    def _select_timeout(self) -> "float | None":
        """How long to wait for events, in s; None: without a limit."""
        if self._orders:
            return 0
        return max(0, self._first_deadline() - time.monotonic()) if self._exited else None

    def _first_deadline(self) -> float:
        return min((child.deadline for child in self._exited.values()), default=math.inf)

    def _read_orders(self) -> None:
        chunk = os.read(ORDERS, 65536)
        if not chunk:
            self._stopping = True
            return
        *lines, self._partial_line = (self._partial_line + chunk).split(b"\n")
        self._orders.extend(json.loads(line) for line in lines)

    def _handle_signals(self) -> None:
        """Reads the numbers of the signals that came, tells the host of application signals, and reaps."""
        numbers = b""
        try:
            while chunk := self._wakeup.recv(4096):
                numbers += chunk
        except BlockingIOError:
            pass
        of_application = sorted(signals.OF_APPLICATION & set(numbers))
        self._host.send(*({"type": "signalled", "signal": each} for each in of_application))
        self._reap()

    def _carry_out(self, orders: "list[dict[str, Any]]") -> None:
        # Replies are sent together: waking the host costs more than the payload.
        replies = []
        for order in orders:
            if order["type"] == "spawn":
                replies.append(self._spawn(order))
            elif order["type"] == "end":
                for child in self._find(order):
                    child.end()
            elif order["type"] == "signal":
                for child in self._find(order):
                    self._signal(child, order["signal"], order["target"])
            elif order["type"] == "flow":
                for child in self._find(order):
                    self._host.set_reading(child, order["channel"], order["on"])
            elif order["type"] == "environment":
                self._environment = order["env"]
            elif order["type"] == "hold":
                folders.lock_path(order["folder"], self._containment.name)
            else:
                raise ValueError("no such order: %s" % order["type"])
        self._host.send(*replies)

    def _find(self, order: "dict[str, Any]") -> "list[Child]":
        """The running child that the order is for, or none."""
        return [child for child in self._running.values() if child.spawn == order["spawn"]]

    def _spawn(self, order: "dict[str, Any]") -> "dict[str, Any]":
        """Starts a process; returns the reply, ``spawned`` or ``refused``."""
        kills = self._oom_kills.kills()
        try:
            child = spawn(order, self._environment, self._lifelines, self._containment, self._view)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or errno.EINVAL
            code = errno.errorcode.get(number, str(number))
            hanging = error.child if isinstance(error, SpawnTimeout) else None
            if hanging is not None:
                hanging.killed = True
                self._running[hanging.pid] = hanging
            return {
                "type": "refused",
                "spawn": order["spawn"],
                "code": code,
                "message": os.strerror(number),
                "begun": hanging is not None,
            }
        self._running[child.pid] = child
        child.kills_before = kills
        self._host.add(child)
        return {"type": "spawned", "spawn": child.spawn, "pid": child.host_pid, "startTicks": child.start_ticks}

    def _signal(self, child: Child, number: int, target: str) -> None:
        child.killed = child.killed or number == signal.SIGKILL
        if target == "group":
            child.signal_group(number)
        else:
            child.signal(number)

    def _reap(self) -> None:
        """Tells the host of every process that has exited, starts the grace of its descendants, and kills orphans."""
        for child in list(self._running.values()):
            status = child.exit_status()
            if status is None:
                continue
            code, number = status
            del self._running[child.pid]
            self._host.remove(child)
            memory = None
            if number == signal.SIGKILL and not child.killed:
                memory = self._oom_kills.explain(child.kills_before)
            self._host.send(
                {"type": "exited", "spawn": child.spawn, "code": code, "signal": number, "memory": memory}
            )
            if CAN_WAIT_WITHOUT_REAPING:
                now = time.monotonic()
                child.deadline, child.last_deadline = now + _GRACE, now + _LONGEST_GRACE
            self._exited[child.pid] = child
        self._kill_orphans()

    def _kill_orphans(self) -> None:
        """
        Kills the orphans of exited spawns whose grace has passed, and reports spawns without any as cleared. An orphan
        of a running process is spared for as long as that process runs.
        """
        orphans, is_complete = self._find_orphans()
        tags = set(orphans.values())
        now = time.monotonic()
        for child in list(self._exited.values()):
            own = rlimit_tag.tag_of(child.spawn)
            if own in tags or not is_complete:
                longest = max((waited(pid) for pid, each in orphans.items() if each == own), default=0.0)
                if child.spares_descendants(now, longest):
                    continue
            # The last moment at which the group's number is certainly the child's: it is reaped next.
            child.signal_group(signal.SIGKILL)
            child.reap()
            del self._exited[child.pid]
            self._uncleared.add(child.spawn)
        spared = {rlimit_tag.tag_of(child.spawn) for child in (*self._running.values(), *self._exited.values())}
        for pid, tag in orphans.items():
            # An orphan without a tag may belong to any running process, so it is spared while there is one.
            if tag not in spared if tag is not None else not spared:
                _kill(pid)
        if not is_complete:
            # Scan again, but after other pending events.
            self._waker.send(b"\0")
            return
        # A descendant further down is re-parented to the shepherd only when the last process above it is reaped.
        for spawn_id in [each for each in self._uncleared if rlimit_tag.tag_of(each) not in tags]:
            self._uncleared.remove(spawn_id)
            self._host.send({"type": "cleared", "spawn": spawn_id})

    def _find_orphans(self) -> "tuple[dict[int, int | None], bool]":
        """Reaps orphans that have exited. Returns the rlimit tags of the others by pid, and whether none is missing."""
        found: "dict[int, int | None]" = {}
        for _ in range(_MAX_SCANS):
            found = {}
            reaped = False
            for pid in children():
                if pid in self._running or pid in self._exited:
                    continue
                if _reaped(pid):
                    reaped = True
                else:
                    found[pid] = rlimit_tag.read(pid)
            if not reaped:
                return found, True
            # A reaped orphan may have left orphans that this scan did not see.
        return found, False

    def _kill_all(self) -> None:
        """Kills every child, and every orphan that comes up meanwhile, until there is none."""
        wait = _SHORTEST_WAIT
        while True:
            self._containment.kill()
            for child in (*self._running.values(), *self._exited.values()):
                child.signal_group(signal.SIGKILL)
            for pid in children():
                _kill(pid)
            reaped = False
            try:
                while True:
                    pid, _ = os.waitpid(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    self._running.pop(pid, None)
                    self._exited.pop(pid, None)
                    reaped = True
            except ChildProcessError:
                return
            # The rest is held by the kernel, or about to exit.
            wait = _SHORTEST_WAIT if reaped else min(wait * 2, _LONGEST_WAIT)
            time.sleep(wait)


def _reaped(pid: int) -> bool:
    """Reaps an orphan if it has exited; returns whether it had."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _kill(pid: int) -> None:
    """Kills a child of this process. Its pid cannot be reused meanwhile, because only this process reaps it."""
    pidfd = pidfd_of(pid)
    send(pidfd, pid, signal.SIGKILL)
    if pidfd is not None:
        os.close(pidfd)
