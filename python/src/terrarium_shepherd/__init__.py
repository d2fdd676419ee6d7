"""Starts the processes of one host, is their parent, and sees that neither they nor what they start outlive it.

Run as
``python -I -S terrarium_shepherd --lifeline PATH [--folders N] [--containment auto|pidns|cgroup|shepherd] [--name
NAME]``, with orders on standard input and its report on descriptor 4: one JSON object per line and direction.
Descriptor 3 is its lifeline: nothing is ever sent on it, and its end is the end of the host. ``NAME`` (default: its
pid) is part of the name of its control group. ``PATH`` becomes a FIFO, the lifeline of all processes: the host opens it
for writing after the first word and before the first order, and nothing is ever written to it. Once the host has opened
it, its name is not needed any more (on Linux; the host removes it there).

Descriptors 5 to 4 + N (default: none) are folders, that of the run first, which the host has open too. The shepherd
locks them (``folders.py``), so that the lock is held as long as one of them lives: the host, the guard process, the
shepherd.

The shepherd begins with one of::

    {"type": "hello", "version": 7, "pid": 4711, "containment": "pidns", "cgroup": "/sys/fs/cgroup/…" | null,
     "missing": {"pidns": "unshare: Operation not permitted"}}
    {"type": "unavailable", "version": 7, "containment": "cgroup", "reason": "there is no cgroup v2 here"}

``missing`` says of each higher containment why it is not in use. After ``unavailable`` it ends with status 78. Orders::

    {"type": "environment", "env": {"NAME": "value"}}
    {"type": "spawn", "spawn": "12-00ff00ff00ff00ff", "command": "python3", "args": ["-V"], "env": {"NAME": "value"},
     "cwd": "/…" | null, "obeys": "SIGTERM" | "order"}
    {"type": "end", "spawn": "12-00ff00ff00ff00ff"}
    {"type": "signal", "spawn": "12-00ff00ff00ff00ff", "signal": 15, "target": "process" | "group"}
    {"type": "flow", "spawn": "12-00ff00ff00ff00ff", "channel": "stdout" | "stderr" | "report", "on": false}
    {"type": "hold", "folder": "/…/runs/abc1234"}

The environment of a process is what ``environment`` has told last (nothing, as long as it has not), its own ``env``,
and TERRARIUM_HOST_PID, which names the shepherd. Its standard input is /dev/null, descriptor 3 its lifeline, opened for
it alone, descriptor 5 one whose other end the shepherd has, and descriptors 1, 2 and 4 are pipes: its channels
``stdout``, ``stderr`` and ``report``.

``end`` asks a process to end in order, with a signal: SIGTERM, unless it ``obeys`` an ``order``. Such a process starts
with the signals of the application blocked, calls ``signals.work_on`` before anything else, and is sent
``signals.ORDER_TO_END``. ``hold`` is for a folder of the run that had to be made again.

What is told of a process, in this order::

    {"type": "spawned", "spawn": "…", "pid": 4712, "startTicks": 123456 | null}
    {"type": "refused", "spawn": "…", "code": "ENOENT", "message": "No such file or directory", "begun": false}
    {"type": "output", "spawn": "…", "channel": "stdout" | "stderr" | "report", "data": "aGVsbG8K"}
    {"type": "exited", "spawn": "…", "code": 0 | null, "signal": 9 | null,
     "memory": {"kills": 1, "cgroup": "/sys/fs/cgroup/…" | null, "limit": 268435456 | null} | null}
    {"type": "cleared", "spawn": "…"}

Between them it may be told that a signal has come to the shepherd that means the application as a whole::

    {"type": "signalled", "signal": 15}

A process that has not become its program within 5 s, since a file system does not answer, is killed and refused with
ETIMEDOUT and ``begun``: its ``exited`` and ``cleared`` follow, when the kernel lets it go.

``data`` is base64 of at most 32 KiB, and empty at the end of the channel, which is at the latest the end of the
process. Nothing more is read of a channel, so that its writer has to wait, from ``flow`` with ``"on": false`` until
``"on": true``, or while 256 KiB of news have not been read by the host.

``memory`` is told of a process that SIGKILL has ended, unless the host had ordered that, when the kernel has killed
processes for want of memory since it was started: how many, without those that explain the end of another process told
of, counted in the control group ``cgroup`` (null: on this machine), and the lowest limit of the group in bytes.

Pids are those that the host sees; in a PID namespace the processes themselves see others.

What a process has left behind may end by itself for 0.5 s after its exit: the job of some helpers begins only then. The
rest is killed. ``cleared`` comes after ``exited``, when nothing that carries its mark is left; of whoever has exited
and is not cleared when the shepherd dies, something may be.

A process gets a session of its own and, on Linux, guards that need nothing of it: the kernel kills it, and what has
stayed in its process group, when the host's end of one lifeline closes, and when the shepherd's of the other one does;
and by the parent-death signal it alone, should it have closed them. When it exits, its group is killed while its number
is still its own, and then whatever else it has left behind (``mark.py`` tells whose that is). When memory is short, the
kernel takes it before host and shepherd (``memory.py``).

When the host is gone, or the guard process is, or when the shepherd itself fails, it kills everything below it until
nothing is left. Signals that mean the application as a whole (``signals.py``) are no orders: the shepherd goes on, and
tells its host of them.

Standard library only; it never imports anything of a user's.
"""
