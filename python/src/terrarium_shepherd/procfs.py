"""What the system tells of processes."""

import os


class HostView:
    """/proc as the host sees it, also for those who see another one."""

    def __init__(self) -> None:
        try:
            self._folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            self._folder = -1

    def introduce(self) -> "tuple[int, int | None]":
        """The pid and the start, in clock ticks since boot, of this process; without /proc, the pid alone."""
        try:
            file = os.open("self/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return os.getpid(), None
        try:
            stat = os.read(file, 4096)
        finally:
            os.close(file)
        # The name, in parentheses, may itself hold spaces and parentheses.
        return int(stat.split(b" ", 1)[0]), int(stat.rpartition(b")")[2].split()[19])


def children() -> "list[int]":
    """Our children: those who were started here, and those who were left to us."""
    me = os.getpid()
    try:
        with open("/proc/self/task/%d/children" % me, "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        pass  # a kernel without this file, or no Linux
    try:
        entries = os.listdir("/proc")
    except OSError:
        return []
    return [int(entry) for entry in entries if entry.isdigit() and _parent(int(entry)) == me]


def _parent(pid: int) -> "int | None":
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None
