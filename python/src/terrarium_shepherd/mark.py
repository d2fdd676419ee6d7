"""The mark that tells whose a process is, whatever it does: a limit of real time, immensely high, whose lower 62 bits
are those of its spawn's random number. It is inherited, and cannot be shaken off by clearing the environment or leaving
the session."""

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

_MARKED = 1 << 62


def mark_of(spawn: str) -> int:
    return _MARKED | int(spawn.rpartition("-")[2], 16) & (_MARKED - 1)


def put_on(mark: int) -> None:
    """Marks this process, unless it is under a limit that is lower already."""
    kind = getattr(resource, "RLIMIT_RTTIME", None)
    if resource is None or kind is None:
        return
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or mark <= hard:
        resource.setrlimit(kind, (mark, mark))


def read(pid: int) -> "int | None":
    """The mark of a process; None if it has none, or has gone."""
    try:
        with open("/proc/%d/limits" % pid, "rb") as file:
            for line in file:
                if line.startswith(b"Max realtime timeout"):
                    value = line.split()[3]
                    return int(value) if value.isdigit() and int(value) >= _MARKED else None
    except OSError:
        pass
    return None
