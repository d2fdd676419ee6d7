"""The first process of the namespace that the chaos runs in: buries whatever dies there, and ends with its command, or
when its standard input does, which is when whoever has started it is gone. The kernel then ends everything else."""

import os
import select
import signal
import subprocess
import sys

told, tell = os.pipe()
os.set_blocking(told, False)
os.set_blocking(tell, False)
signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
signal.signal(signal.SIGCHLD, lambda *_: None)
command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda which, _: os.kill(command.pid, which))
while True:
    ready = select.select([0, told], [], [])[0]
    if 0 in ready and not os.read(0, 4096):
        os._exit(1)
    if told in ready:
        os.read(told, 4096)
    while (buried := os.waitpid(-1, os.WNOHANG)) != (0, 0):
        if buried[0] == command.pid:
            status = os.waitstatus_to_exitcode(buried[1])
            os._exit(status if status >= 0 else 128 - status)
