"""Who goes first when memory is short, and whether it was short: what the kernel counts, not what anybody guesses."""

import os

from terrarium_shepherd.cgroups import own_cgroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIRST = 1000
"""The highest that there is: whatever their sizes, the kernel kills such a process before others. Its host can start it
again; without its host it is nothing. Raising the value needs no privilege, and what the process starts inherits it."""

_NO_LIMIT = 1 << 60


def go_first() -> None:
    """When memory is short, the kernel is to kill this process before its host and its shepherd."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(_FIRST))
    except OSError:
        pass  # not Linux, or no /proc that may be written to


class OutOfMemory:
    """
    The processes that the kernel has killed for want of memory: in the memory control group of this process, in the
    nearest one above it that counts them, or on this machine.
    """

    def __init__(self, group: "str | None", file: str) -> None:
        """``group``: the folder of the group whose kills are counted in ``file``; None: they are those of the
        machine."""
        self._group = group
        self._file = file
        self._explained = self.kills()

    @classmethod
    def here(cls) -> "OutOfMemory":
        return cls(*_counter())

    def kills(self) -> int:
        """How many so far; 0 where nothing counts them."""
        for line in _lines(self._file):
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0

    def explain(self, before: int) -> "dict[str, Any] | None":
        """
        For a process that somebody has killed and that began when there were ``before``: what the kernel has done
        meanwhile, but for what explains the end of another one. Each of its kills explains one.
        """
        kills = self.kills()
        explained = max(before, self._explained)
        if kills <= explained:
            return None
        self._explained = explained + 1
        return {"kills": kills - explained, "cgroup": self._group, "limit": self._limit()}

    def _limit(self) -> "int | None":
        """The lowest that holds for the group, in bytes."""
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
    """The group whose kills are counted, and the file in which they are."""
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
