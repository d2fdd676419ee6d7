"""What holds the processes of a run together, beyond having one parent."""

import os
import signal
import sys
import time

from terrarium_shepherd import libc
from terrarium_shepherd.cgroups import own_cgroup
from terrarium_shepherd.guard_process import stand_guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_SHORTEST_WAIT = 0.001
_LONGEST_WAIT = 0.5


class Unavailable(Exception):
    """This system, or this user on it, does not have that containment."""


class Enclosure:
    """No kernel containment: orphans are re-parented to the shepherd (subreaper), which kills them."""

    name = "shepherd"
    cgroup: "str | None" = None

    def probe(self) -> None:
        """Tries it out. Raises Unavailable."""

    def enter(self) -> "int | None":
        """
        Returns in the process that becomes the shepherd, which may be another one than the host has started: with a
        descriptor, then, that ends with that one, the guard process.
        """
        return None

    def admit(self) -> None:
        """In each process, before it becomes what it is to be."""

    def end(self) -> None:
        """Has the kernel kill all that is inside, if it can."""

    def clear(self) -> None:
        """Ends what is inside, and removes what was made."""


class PidNamespace(Enclosure):
    """The shepherd is the first process of a PID namespace: with it, the kernel ends all others, however it ends
    itself."""

    name = "pidns"

    def __init__(self) -> None:
        self._flags = 0

    def probe(self) -> None:
        reason = ""
        # Without privileges it takes a user namespace, in which this user is the only one.
        for flags in (libc.CLONE_NEWPID | libc.CLONE_NEWNS, libc.CLONE_NEWPID | libc.CLONE_NEWNS | libc.CLONE_NEWUSER):
            reason = _attempt(lambda: self._try_out(flags))
            if not reason:
                self._flags = flags
                return
        raise Unavailable(reason)

    def enter(self) -> "int | None":
        _unshare(self._flags)
        guard = stand_guard(self, signal.SIGKILL)
        _mount_proc()
        return guard

    @staticmethod
    def _try_out(flags: int) -> None:
        _unshare(flags)
        reason = _attempt(_mount_proc)
        if reason:
            raise OSError(reason)


def _unshare(flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    libc.unshare(flags)
    if flags & libc.CLONE_NEWUSER:
        for name, line in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
            with open("/proc/self/" + name, "w") as file:
                file.write(line)


def _mount_proc() -> None:
    # What the host mounts later is to be seen here too, but not the other way round.
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_SLAVE)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


class ControlGroup(Enclosure):
    """A cgroup (v2) of the run's own: nobody inside gets out, and the kernel kills all of it at once. The shepherd is
    outside."""

    name = "cgroup"

    def __init__(self, label: str) -> None:
        self._label = label

    def probe(self) -> None:
        try:
            path = os.path.join(own_cgroup(), "terrarium-" + self._label)
            os.mkdir(path)
        except OSError as error:
            raise Unavailable(_why(error)) from None
        self.cgroup = path
        reason = _attempt(self.admit) if os.path.exists(self._file("kill")) else "this kernel has no cgroup.kill (it came with 5.14)"
        if reason:
            self._remove()
            raise Unavailable(reason)

    def enter(self) -> "int | None":
        # The end of the descriptor says it; a shepherd that is stopped has to go on to see that.
        return stand_guard(self, signal.SIGCONT)

    def admit(self) -> None:
        with open(self._file("procs"), "w") as file:
            file.write("0")

    def end(self) -> None:
        try:
            with open(self._file("kill"), "w") as file:
                file.write("1")
        except OSError:
            pass  # removed already

    def clear(self) -> None:
        self.end()
        self._remove()

    def _file(self, name: str) -> str:
        return "%s/cgroup.%s" % (self.cgroup, name)

    def _remove(self) -> None:
        """Once nobody is inside: the kernel may hold one for a while."""
        wait = _SHORTEST_WAIT
        while True:
            try:
                os.rmdir(self.cgroup or "")
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                self.end()


def _attempt(work: "Callable[[], None]") -> str:
    """Does it in a child, which it may leave in whatever state; answers why it could not be done."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            os.write(tell, _why(error).encode("utf-8", "replace")[:4096])
        finally:
            os._exit(0)
    os.close(tell)
    reason = os.read(told, 4096).decode("utf-8", "replace")
    os.close(told)
    os.waitpid(pid, 0)
    return reason


def _why(error: BaseException) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error) or repr(error)
    return error.strerror if error.filename is None else "%s: %s" % (error.filename, error.strerror)


def choose(wanted: str, label: str) -> "tuple[Enclosure, dict[str, str]]":
    """The enclosure wanted, or with ``auto`` the best there is, and why those that are better are missing. Raises
    Unavailable."""
    missing: "dict[str, str]" = {}
    for enclosure in (PidNamespace(), ControlGroup(label), Enclosure()):
        if wanted not in ("auto", enclosure.name):
            continue
        try:
            if not sys.platform.startswith("linux") and type(enclosure) is not Enclosure:
                raise Unavailable("only Linux has it")
            enclosure.probe()
            return enclosure, missing
        except Unavailable as reason:
            if wanted != "auto":
                raise
            missing[enclosure.name] = str(reason)
    raise Unavailable("there is no such containment")
