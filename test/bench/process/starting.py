"""Starts COUNT workers that run CODE, each with CONNECTIONS to the host at SOCKET, and leaves out all that a shepherd does besides.

It prints a line when it is there, and begins when it is sent one. When its standard input ends, so do the workers, and then it.
"""

import os
import signal
import socket
import sys

# As many together as the shepherd.
AT_ONCE = 16


def main() -> None:
    path, count, connections, code = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    pids = []
    for first in range(0, count, AT_ONCE):
        batch = [[connect(path) for _ in range(connections)] for _ in range(min(AT_ONCE, count - first))]
        for sockets in batch:
            pids.append(start(sockets[0], code))
            for each in sockets:
                each.close()
    sys.stdin.read()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def start(stdout: socket.socket, code: str) -> int:
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(stdout.fileno(), 1)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", code])
    os.close(tell)
    os.read(told, 1)  # until it has become its program
    os.close(told)
    return pid


main()
