"""Starts the processes of one host, is their parent, and sees that neither they nor what they start outlive it.

Run as ``python -I -S terrarium_shepherd --lifeline PATH [--containment auto|pidns|cgroup|shepherd] [--name NAME]``, with orders
on standard input and its report on descriptor 4: one JSON object per line and direction. Descriptor 3 is its lifeline: nothing is
ever sent on it, and its end is the end of the host. ``NAME`` (default: its pid) is part of the name of its control group. ``PATH``
becomes a FIFO, the lifeline of all processes: the host opens it for writing after the first word and before the first order, and
nothing is ever written to it.

The shepherd begins with one of::

    {"type": "hello", "version": 6, "pid": 4711, "containment": "pidns", "cgroup": "/sys/fs/cgroup/…" | null,
     "missing": {"pidns": "unshare: Operation not permitted"}}
    {"type": "unavailable", "version": 6, "containment": "cgroup", "reason": "there is no cgroup v2 here"}

``missing`` says of each higher containment why it is not in use. After ``unavailable`` it ends with status 78. Orders::

    {"type": "environment", "env": {"NAME": "value"}}
    {"type": "spawn", "spawn": "12-00ff00ff00ff00ff", "command": "python3", "args": ["-V"], "env": {"NAME": "value"},
     "cwd": "/…" | null}
    {"type": "signal", "spawn": "12-00ff00ff00ff00ff", "signal": 15, "target": "process" | "group"}
    {"type": "flow", "spawn": "12-00ff00ff00ff00ff", "channel": "stdout" | "stderr" | "report", "on": false}

The environment of a process is what ``environment`` has told last (nothing, as long as it has not), its own ``env``, and
TERRARIUM_HOST_PID, which names the shepherd. Its standard input is /dev/null, descriptor 3 its lifeline, opened for it alone, and
descriptors 1, 2 and 4 are pipes: its channels ``stdout``, ``stderr`` and ``report``. What is told of it, in this order::

    {"type": "spawned", "spawn": "…", "pid": 4712, "startTicks": 123456 | null}
    {"type": "refused", "spawn": "…", "code": "ENOENT", "message": "No such file or directory", "begun": false}
    {"type": "output", "spawn": "…", "channel": "stdout" | "stderr" | "report", "data": "aGVsbG8K"}
    {"type": "exited", "spawn": "…", "code": 0 | null, "signal": 9 | null}
    {"type": "cleared", "spawn": "…"}

A process that has not become its program within 5 s, since a file system does not answer, is killed and refused with ETIMEDOUT
and ``begun``: its ``exited`` and ``cleared`` follow, when the kernel lets it go.

``data`` is base64 of at most 32 KiB, and empty at the end of the channel, which is at the latest the end of the process. Nothing
more is read of a channel, so that its writer has to wait, from ``flow`` with ``"on": false`` until ``"on": true``, or while 256 KiB
of news have not been read by the host.

Pids are those that the host sees; in a PID namespace the processes themselves see others.

``cleared`` comes after ``exited``, when nothing that carries its mark is left; of whoever has exited and is not cleared when the
shepherd dies, something may be.

A process gets a session of its own and, on Linux, two guards that need nothing of it: the kernel kills it when the host's end of
the lifeline closes, and when the shepherd dies. When it exits, its group is killed while its number is still its own, and then
whatever it has left behind (``mark.py`` tells whose that is).

When the host is gone, or on SIGTERM, or when the shepherd itself fails, it kills everything below it until nothing is left.

Standard library only; it never imports anything of a user's.
"""
