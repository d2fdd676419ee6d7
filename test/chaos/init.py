"""The first process of the namespace that the chaos runs in. It reaps every orphan, and exits with its command, or when
its standard input ends, which means that the process that started it has exited. The kernel then kills all others."""

import os
import select
import signal
import subprocess
import sys

wakeup, waker = os.pipe()
os.set_blocking(wakeup, False)
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
signal.signal(signal.SIGCHLD, lambda *_: None)
command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda which, _: os.kill(command.pid, which))
while True:
    ready = select.select([0, wakeup], [], [])[0]
    if 0 in ready and not os.read(0, 4096):
        os._exit(1)
    if wakeup in ready:
        os.read(wakeup, 4096)
    while (reaped := os.waitpid(-1, os.WNOHANG)) != (0, 0):
        if reaped[0] == command.pid:
            status = os.waitstatus_to_exitcode(reaped[1])
            os._exit(status if status >= 0 else 128 - status)
