"""Memory pressure: makes the kernel kill workers before host and shepherd, and tells whether it killed a process for
want of memory. The answer comes from the kernel's own counters, never from a guess."""

import os

from terrarium_shepherd.cgroups import own_cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_KILLABLE = 1000
"""The highest oom_score_adj: the kernel kills such a process before others, whatever their sizes. The host can start a
worker again, but a worker cannot run without its host. Raising the value needs no privilege; children inherit it."""

_NO_LIMIT = 1 << 60
"""A limit of this many bytes or more is none: cgroup v1 writes "no limit" as a huge number."""


def be_killed_first() -> None:
    """Makes the kernel kill this process before host and shepherd when memory is short."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(_MOST_KILLABLE))
    except OSError:
        pass  # not Linux, or /proc is not writable


class OomKills:
    """
    Counts the processes that the kernel has killed for want of memory: in this process's memory control group, in the
    nearest group above it that counts them, or on the whole machine.
    """

    def __init__(self, group: "str | None", file: str) -> None:
        """``group``: the folder of the group whose kills are counted in ``file``; None if ``file`` counts for the whole
        machine."""
        self._group = group
        self._file = file
        self._explained = self.kills()

    @classmethod
    def here(cls) -> "OomKills":
        """The counter that includes this process."""
        return cls(*_counter())

    def kills(self) -> int:
        """The number of kills so far; 0 where there is no counter."""
        for line in _lines(self._file):
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0

    def explain(self, before: int) -> "dict[str, Any] | None":
        """
        For a process that SIGKILL has ended: the kernel's kills since it started, without kills that explain the exit
        of another process already; None if there are none. ``before``: the number of kills when it started. Each kill
        explains one exit. For the keys of the result see ``memory`` in the package's protocol.
        """
        kills = self.kills()
        explained = max(before, self._explained)
        if kills <= explained:
            return None
        self._explained = explained + 1
        return {"kills": kills - explained, "cgroup": self._group, "limit": self._limit()}

    def _limit(self) -> "int | None":
        """The lowest memory limit that holds for the group, in bytes; None if there is none."""
        limits = []
        folder = self._group
        for line in _lines("%s/memory.stat" % folder) if folder else ():
            if line.startswith("hierarchical_memory_limit "):  # version 1
                limits.append(int(line.split()[1]))
        while folder and os.path.exists(folder + "/memory.max"):  # version 2
            limits += [int(line) for line in _lines(folder + "/memory.max") if line.strip().isdigit()]
            folder = os.path.dirname(folder)
        lowest = min(limits, default=_NO_LIMIT)
        return lowest if lowest < _NO_LIMIT else None


def _counter() -> "tuple[str | None, str]":
    """The folder of the group that counts the kills (None: the machine), and the file with the counter."""
    try:
        folder = own_cgroup()
        while folder != "/":
            if os.path.exists(folder + "/memory.events"):
                return folder, folder + "/memory.events"
            folder = os.path.dirname(folder)
    except OSError:
        pass
    try:
        folder = own_cgroup("memory")
        if any(line.startswith("oom_kill ") for line in _lines(folder + "/memory.oom_control")):
            return folder, folder + "/memory.oom_control"
    except OSError:
        pass
    return None, "/proc/vmstat"


def _lines(path: str) -> "list[str]":
    try:
        with open(path) as file:
            return file.readlines()
    except OSError:
        return []
