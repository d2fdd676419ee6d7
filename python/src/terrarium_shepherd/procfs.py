"""Reads facts about processes from /proc: this process's pid as the host sees it, and its children."""

import os


class HostView:
    """The host's /proc, kept open: usable also after this process or a child has entered another PID namespace."""

    def __init__(self) -> None:
        try:
            self._folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            self._folder = -1

    def pid_and_start(self) -> "tuple[int, int | None]":
        """This process's pid as the host sees it, and its start in clock ticks since boot; None without /proc."""
        try:
            file = os.open("self/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return os.getpid(), None
        try:
            stat = os.read(file, 4096)
        finally:
            os.close(file)
        # The process's name, in parentheses, may itself contain spaces and parentheses.
        return int(stat.split(b" ", 1)[0]), int(stat.rpartition(b")")[2].split()[19])


def children() -> "list[int]":
    """The pids of this process's children: started here, or re-parented to it as orphans."""
    me = os.getpid()
    try:
        with open("/proc/self/task/%d/children" % me, "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        pass  # a kernel without this file, or not Linux
    try:
        entries = os.listdir("/proc")
    except OSError:
        return []
    return [int(entry) for entry in entries if entry.isdigit() and _parent(int(entry)) == me]


def waited(pid: int) -> float:
    """How long a process was ready to run and had to wait for a processor, in s; 0 where the kernel does not tell."""
    try:
        with open("/proc/%d/schedstat" % pid, "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _parent(pid: int) -> "int | None":
    """The parent's pid; None if the process has exited."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None
