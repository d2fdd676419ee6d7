"""The containment levels: shepherd, cgroup and pidns. Each says how the kernel holds the processes of a run together,
beyond their having one parent. ``choose`` tries the levels and takes the best that this system offers."""

import os
import signal
import sys
import time

from terrarium_shepherd import libc
from terrarium_shepherd.cgroups import own_cgroup
from terrarium_shepherd.guard_process import fork_shepherd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_SHORTEST_WAIT = 0.001
"""In s."""
_LONGEST_WAIT = 0.5
"""In s."""


class Unavailable(Exception):
    """This system, or this user on it, does not have the containment."""


class Containment:
    """No kernel containment: orphans are re-parented to the shepherd (subreaper), which kills them."""

    name = "shepherd"
    cgroup: "str | None" = None

    def probe(self) -> None:
        """Tries the containment out. Raises Unavailable."""

    def enter(self) -> "int | None":
        """
        Sets the containment up and returns in the process that becomes the shepherd. At levels cgroup and pidns that is
        a child of the process the host started, which becomes the guard process: the result is then a descriptor that
        ends when the guard process does. At level shepherd it is None.
        """
        return None

    def join(self) -> None:
        """Puts the calling process inside. Called in each new process before its exec."""

    def kill(self) -> None:
        """Has the kernel kill all processes inside, if it can."""

    def remove(self) -> None:
        """Kills the processes inside and removes what ``probe`` and ``enter`` made."""


class PidNamespace(Containment):
    """The shepherd is the first process of a PID namespace: when it exits, however that is, the kernel kills all
    others."""

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
        guard = fork_shepherd(self, signal.SIGKILL)
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
        settings = (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid)))
        for name, line in settings:
            with open("/proc/self/" + name, "w") as file:
                file.write(line)


def _mount_proc() -> None:
    # Later mounts of the host appear here too, but mounts made here do not appear on the host.
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_SLAVE)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)


class ControlGroup(Containment):
    """A cgroup (v2) of the run's own: no process inside gets out, and the kernel kills all of them at once. The
    shepherd stays outside."""

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
        if os.path.exists(self._file("kill")):
            reason = _attempt(self.join)
        else:
            reason = "this kernel has no cgroup.kill (it came with 5.14)"
        if reason:
            self._remove_folder()
            raise Unavailable(reason)

    def enter(self) -> "int | None":
        # SIGCONT: a stopped shepherd has to continue in order to see the end of the guard's descriptor.
        return fork_shepherd(self, signal.SIGCONT)

    def join(self) -> None:
        with open(self._file("procs"), "w") as file:
            file.write("0")

    def kill(self) -> None:
        try:
            with open(self._file("kill"), "w") as file:
                file.write("1")
        except OSError:
            pass  # removed already

    def remove(self) -> None:
        self.kill()
        self._remove_folder()

    def _file(self, name: str) -> str:
        return "%s/cgroup.%s" % (self.cgroup, name)

    def _remove_folder(self) -> None:
        """Waits until the group is empty: the kernel may keep a killed process in it for a while."""
        wait = _SHORTEST_WAIT
        while True:
            try:
                os.rmdir(self.cgroup or "")
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                self.kill()


def _attempt(work: "Callable[[], None]") -> str:
    """Runs ``work`` in a forked child, whose state it may change freely. Returns why it failed, or an empty string."""
    result, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            os.write(write_end, _why(error).encode("utf-8", "replace")[:4096])
        finally:
            os._exit(0)
    os.close(write_end)
    reason = os.read(result, 4096).decode("utf-8", "replace")
    os.close(result)
    os.waitpid(pid, 0)
    return reason


def _why(error: BaseException) -> str:
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error) or repr(error)
    return error.strerror if error.filename is None else "%s: %s" % (error.filename, error.strerror)


def choose(wanted: str, label: str) -> "tuple[Containment, dict[str, str]]":
    """
    Returns the wanted containment, or with ``auto`` the best that is available, and why each better one is missing, by
    name. ``label`` becomes part of the name of the control group. Raises Unavailable.
    """
    missing: "dict[str, str]" = {}
    for containment in (PidNamespace(), ControlGroup(label), Containment()):
        if wanted not in ("auto", containment.name):
            continue
        try:
            if not sys.platform.startswith("linux") and type(containment) is not Containment:
                raise Unavailable("only Linux has it")
            containment.probe()
            return containment, missing
        except Unavailable as reason:
            if wanted != "auto":
                raise
            missing[containment.name] = str(reason)
    raise Unavailable("there is no such containment")
