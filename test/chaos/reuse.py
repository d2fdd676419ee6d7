"""Has the pids of killed processes reused by innocent ones, in a PID namespace where ns_last_pid may be written.

Usage: reuse.py PYTHON_HOME ROUNDS; prints one JSON object.

The sweep helper itself runs here, and loses its target between the comparison and the signal: the target is killed and
reaped, and its pid is given to an innocent process, which must live.
"""

import json
import os
import signal
import subprocess
import sys
import time

_NAP = ["/bin/sleep", "3600"]


def reuse(pid: int, command: "list[str]" = _NAP) -> "int | None":
    """A new process with exactly this pid, which must be free; None if another process got the pid first."""
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(pid - 1))
    innocent = os.posix_spawn(command[0], command, {"PATH": "/usr/bin:/bin"})
    if innocent == pid:
        return innocent
    end(innocent)
    return None


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def is_alive(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG) == (0, 0)


def environ(pid: int) -> bytes:
    with open("/proc/%d/environ" % pid, "rb") as file:
        return file.read()


def start_ticks(pid: int) -> int:
    with open("/proc/%d/stat" % pid) as file:
        return int(file.read().rpartition(")")[2].split()[19])


def between(home: str, rounds: int) -> "dict[str, int]":
    sys.path.insert(0, home)
    from terrarium_shepherd import sweep

    compare = sweep._compare
    count = {"rounds": 0, "innocents": 0, "same tick": 0}
    spawn_tag = "fedcba9876543210:zzzzzzz:7-0123456789abcdef"
    while count["rounds"] < rounds:
        target = os.posix_spawn(_NAP[0], _NAP, {"TERRARIUM_SPAWN": spawn_tag})
        ticks = start_ticks(target)
        while not environ(target):
            pass  # the target is in its exec
        innocent = None

        def losing(*arguments: object) -> object:
            nonlocal innocent
            verdict = compare(*arguments)
            assert verdict is None, verdict
            end(target)
            innocent = reuse(target)
            return verdict

        sweep._compare = losing
        [outcome] = sweep.sweep([{"pid": target, "startTicks": ticks, "spawnTag": spawn_tag}], 0.2)
        if innocent is None:
            continue
        assert outcome == "gone", outcome
        time.sleep(0.001)
        count["rounds"] += 1
        count["same tick"] += start_ticks(innocent) == ticks
        if is_alive(innocent):
            end(innocent)
        else:
            count["innocents"] += 1
    return count


if __name__ == "__main__":
    print(json.dumps(between(sys.argv[1], int(sys.argv[2]))))
