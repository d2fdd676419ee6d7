"""The shepherd of one run: it starts the run's processes, is their parent, and sees that neither they nor what they
start outlive the host. This page is the protocol between host and shepherd. Standard library only; the shepherd never
imports user code.

Run as
``python -I -S terrarium_shepherd/__main__.py --lifeline PATH [--folders N] [--containment auto|pidns|cgroup|shepherd]
[--name NAME]``, with orders on standard input and news on descriptor 4: one JSON object per line in each direction.
Descriptor 3 is the shepherd's own lifeline: nothing is ever sent on it, and its end means that the host is gone.
``NAME`` (default: the shepherd's pid) is part of the name of the control group. The shepherd makes ``PATH`` a FIFO,
the lifeline of all its processes: the host opens it for writing after the first news and before the first order, and
never writes to it. Once the host has opened the FIFO, its name is not needed any more (on Linux; the host removes it
there).

Descriptors 5 to 4 + N (default: none) are folders, the folder of the run first, which the host also has open. The
shepherd locks them (``folders.py``). The lock is held as long as host, guard process or shepherd lives.

The first news of the shepherd is one of::

    {"type": "hello", "version": 7, "pid": 4711, "containment": "pidns", "cgroup": "/sys/fs/cgroup/…" | null,
     "missing": {"pidns": "unshare: Operation not permitted"}}
    {"type": "unavailable", "version": 7, "containment": "cgroup", "reason": "there is no cgroup v2 here"}

``missing`` says of each higher containment why it is not in use. After ``unavailable`` the shepherd exits with status
78. Orders::

    {"type": "environment", "env": {"NAME": "value"}}
    {"type": "spawn", "spawn": "12-00ff00ff00ff00ff", "command": "python3", "args": ["-V"], "env": {"NAME": "value"},
     "cwd": "/…" | null, "obeys": "SIGTERM" | "order"}
    {"type": "end", "spawn": "12-00ff00ff00ff00ff"}
    {"type": "signal", "spawn": "12-00ff00ff00ff00ff", "signal": 15, "target": "process" | "group"}
    {"type": "flow", "spawn": "12-00ff00ff00ff00ff", "channel": "stdout" | "stderr" | "report", "on": false}
    {"type": "hold", "folder": "/…/runs/abc1234"}

The environment of a process is the ``env`` of the last ``environment`` order (empty before the first), then its own
``env``, then TERRARIUM_HOST_PID, which names the shepherd. Its standard input is /dev/null. Descriptor 3 is its
lifeline to the host, opened for this process alone. Descriptor 5 is its lifeline to the shepherd, which has the other
end. Descriptors 1, 2 and 4 are pipes: the channels ``stdout``, ``stderr`` and ``report``.

``end`` asks a process with a signal to exit: with SIGTERM, unless the process ``obeys`` an ``order``. Such a process
starts with the application signals blocked, calls ``signals.work_on`` before anything else, and is sent
``signals.ORDER_TO_END``. ``hold`` locks a folder of the run that had to be made again.

The news of a process, in this order::

    {"type": "spawned", "spawn": "…", "pid": 4712, "startTicks": 123456 | null}
    {"type": "refused", "spawn": "…", "code": "ENOENT", "message": "No such file or directory", "begun": false}
    {"type": "output", "spawn": "…", "channel": "stdout" | "stderr" | "report", "data": "aGVsbG8K"}
    {"type": "exited", "spawn": "…", "code": 0 | null, "signal": 9 | null,
     "memory": {"kills": 1, "cgroup": "/sys/fs/cgroup/…" | null, "limit": 268435456 | null} | null}
    {"type": "cleared", "spawn": "…"}

Between them the shepherd may say that it got an application signal::

    {"type": "signalled", "signal": 15}

A process that has not become its program within 5 s, because a file system does not answer, is killed and refused with
ETIMEDOUT and ``"begun": true``. Its ``exited`` and ``cleared`` follow when the kernel lets it go.

``data`` is base64 of at most 32 KiB. It is empty at the end of the channel, which comes at the latest when the process
exits. A channel is not read from ``flow`` with ``"on": false`` until ``"on": true``, nor while the host has not read
256 KiB of news: its writer then blocks.

``memory`` is set for a process that SIGKILL has ended without an order of the host, if the kernel has killed processes
for want of memory since that process started. ``kills`` is their number, without kills that explain the exit of another
process already; ``cgroup`` is the control group in which they were counted (null: on the whole machine); ``limit`` is
the lowest memory limit of that group in bytes.

All pids are as the host sees them; inside a PID namespace the processes see other pids.

The descendants of a process may exit by themselves for 0.5 s after its exit, because some helpers do their job only
then; for longer, up to 5 s, when they have to wait for a processor. After that they are killed. ``cleared`` comes after
``exited``, once no process carries the spawn's rlimit tag.
If the shepherd dies, descendants of a process that has exited and is not cleared may be left.

A process calls setsid before its exec. On Linux two lifelines guard it without its help: the kernel kills the
process and its process group when the host's end of the one closes, and when the shepherd's end of the other does. The
parent-death signal guards the process alone, in case it has closed both. When the process exits, its group is killed
before its pid can be reused, then its other descendants (``rlimit_tag.py`` says how they are known). When memory is
short, the kernel kills it before host and shepherd (``memory.py``).

When the host is gone, or the guard process is, or when the shepherd itself fails, the shepherd kills everything below
it until nothing is left. Application signals (``signals.py``) are no orders: the shepherd goes on, and tells its host
of them.
"""
