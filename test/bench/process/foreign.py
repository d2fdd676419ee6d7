"""Starts COUNT processes that do not belong to Terrarium, writes their pids to FILE, and prints a line. They are
killed when its standard input ends, and by the kernel when it exits."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

count, path = int(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None)
me = os.getpid()
pids = []
for _ in range(count):
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != me:
            os._exit(1)
        os.execvp("sleep", ["sleep", "3600"])
    pids.append(pid)
with open(path, "w") as file:
    file.write(" ".join(map(str, pids)))
print("ready", flush=True)
sys.stdin.read()
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)
