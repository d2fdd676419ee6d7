"""The rlimit tag: says which spawn a process belongs to, whatever that process does.

The tag is a value of RLIMIT_RTTIME, far too high to limit anything, whose lower 62 bits are those of the spawn's random
number. Descendants inherit it, and neither clearing the environment nor calling setsid removes it.
"""

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

_TAG = 1 << 62
"""The bit that every rlimit tag has."""


def tag_of(spawn: str) -> int:
    """The rlimit tag of a spawn id such as ``12-00ff00ff00ff00ff``."""
    return _TAG | int(spawn.rpartition("-")[2], 16) & (_TAG - 1)


def apply(tag: int) -> None:
    """Tags this process, unless a lower limit already holds for it."""
    kind = getattr(resource, "RLIMIT_RTTIME", None)
    if resource is None or kind is None:
        return
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or tag <= hard:
        resource.setrlimit(kind, (tag, tag))


def read(pid: int) -> "int | None":
    """The rlimit tag of a process; None if it has none or has exited."""
    try:
        with open("/proc/%d/limits" % pid, "rb") as file:
            for line in file:
                if line.startswith(b"Max realtime timeout"):
                    value = line.split()[3]
                    return int(value) if value.isdigit() and int(value) >= _TAG else None
    except OSError:
        pass
    return None
