"""A host with one shepherd, and what /proc knows of its processes. See ``terrarium_shepherd`` for the protocol."""

import base64
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from pathlib import Path

from host import LAUNCHER, PATIENCE

SHEPHERD = Path(__file__).resolve().parent.parent / "src" / "terrarium_shepherd"
CONTAINMENTS = ("pidns", "cgroup", "shepherd")

# In namespaces of its own, where no PID namespace can be made and no cgroup is mounted.
WITHOUT = """
import ctypes
libc = ctypes.CDLL(None)
def check(status):
    if status != 0:
        sys.exit("cannot take it away")
if "cgroup" in {missing!r}:
    check(libc.unshare(0x20000))
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(16384 | 1 << 18), None))
    for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
        if " - cgroup2 " in line:
            check(libc.umount2(line.split()[4].encode(), 2))
if "pidns" in {missing!r}:
    check(libc.unshare(0x10000000))
    for name, line in [("self/setgroups", "deny"), ("self/uid_map", "0 0 1"), ("self/gid_map", "0 0 1"), ("sys/user/max_pid_namespaces", "0")]:
        open("/proc/" + name, "w").write(line)
os.execv("""


# Descriptors from 5 on.
HAND_OVER = """
folders = [os.dup2(fd, 64 + index) for index, fd in enumerate({folders!r})]
os.closerange(5, 64)
for index, fd in enumerate(folders):
    os.dup2(fd, 5 + index)
    os.close(fd)
"""


class Flock:
    """A host with one shepherd."""

    def __init__(self, folder, containment, missing=(), folders=(), cgroup=None):
        """``folders``: descriptors of those that the shepherd is to lock; ``cgroup``: the control group that it is to
        be in."""
        launcher = LAUNCHER.replace("os.closerange(5, 64)", HAND_OVER.format(folders=list(folders)))
        if cgroup is not None:
            launcher = f"open({str(cgroup / 'cgroup.procs')!r}, 'w').write('0')\n" + launcher
        if missing:
            launcher = launcher.replace("os.execv(", WITHOUT.format(missing=missing))
        fifo = str(folder / f"{os.urandom(4).hex()}.fifo")
        self._output = {}  # by spawn and channel: what it has said and nobody has read
        self._over = set()  # those of whom there will be no more
        self.signalled = []  # the signals of the application that the shepherd has told of
        self._heard = threading.Condition()
        self.reads = threading.Event()  # otherwise the host does not
        self.reads.set()
        lifeline, self.lifeline = os.pipe()
        self.report, report = socket.socketpair()
        self.process = subprocess.Popen(
            [
                *[sys.executable, "-c", launcher, str(lifeline), str(report.fileno())],
                *[sys.executable, "-I", "-S", str(SHEPHERD), "--lifeline", fifo, "--containment", containment],
                *["--folders", str(len(folders))],
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(lifeline, report.fileno(), *folders),
            start_new_session=True,
        )
        os.close(lifeline)
        report.close()
        self.news = queue.SimpleQueue()
        threading.Thread(target=self._hear, daemon=True).start()
        self.hello = self.news.get(timeout=PATIENCE)
        self._held = None
        if self.hello["type"] == "hello":
            self._held = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
            os.unlink(fifo)
        self.spawns = []

    def order(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, *command, env=None, cwd=None, **order):
        """Asks for a process; answers its spawn."""
        spawn = f"{len(self.spawns) + 1}-{os.urandom(8).hex()}"
        self.spawns.append(spawn)
        env = {"PATH": os.environ["PATH"]} if env is None else env
        self.order(
            **{
                "type": "spawn",
                "spawn": spawn,
                "command": command[0],
                "args": command[1:],
                "env": env,
                "cwd": cwd,
                **order,
            }
        )
        return spawn

    def start(self, *command, **more):
        """Starts a process; answers its spawn and its pid."""
        spawn = self.ask(*command, **more)
        return spawn, self.next("spawned", spawn)["pid"]

    def python(self, code, *args, **more):
        return self.start(sys.executable, "-I", "-S", "-c", code, *args, **more)

    def refusal(self, *command, **more):
        return self.next("refused", self.ask(*command, **more))["code"]

    def next(self, kind, spawn=None):
        news = self.next_of_any(kind)
        assert news.get("spawn") == spawn
        return news

    def next_of_any(self, kind):
        news = self.news.get(timeout=PATIENCE)
        while news["type"] == "cleared" != kind:
            news = self.news.get(timeout=PATIENCE)
        assert news["type"] == kind
        return news

    def line(self, spawn, name="stdout"):
        """The next one; what there is, if it ends before."""
        said = self._wait(spawn, name, lambda said: b"\n" in said)
        line, end, rest = said.partition(b"\n")
        self._output[spawn, name] = rest
        return (line + end).decode()

    def said(self, spawn, name="stdout"):
        """Everything else that it says, to the end."""
        return self._wait(spawn, name, lambda _: False).decode()

    def output(self, spawn, name):
        """What it has said so far, and nobody has read."""
        with self._heard:
            return self._output.get((spawn, name), b"")

    def flow(self, spawn, name, on):
        self.order(type="flow", spawn=spawn, channel=name, on=on)

    def _wait(self, spawn, name, is_enough):
        def said():
            return self._output.get((spawn, name), b"")

        def is_over():
            return is_enough(said()) or not {spawn, (spawn, name)}.isdisjoint(self._over)

        with self._heard:
            assert self._heard.wait_for(is_over, PATIENCE), said()
            return said()

    def let_go(self):
        """Of the lifeline of the processes."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def leave(self):
        """The host goes away; answers the shepherd's exit status."""
        self.reads.set()
        self.let_go()
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None
        return self.process.wait(PATIENCE)

    def close(self):
        self.leave()
        self.process.stdin.close()
        self.process.stderr.close()
        assert [pid for spawn in self.spawns for pid in of_spawn(spawn)] == []

    def _hear(self):
        with self.report, self.report.makefile("rb") as lines:
            for line in lines:
                self.reads.wait()
                if not line.endswith(b"\n"):
                    return  # the shepherd has ended in the middle of it
                news = json.loads(line)
                with self._heard:
                    if news["type"] == "output":
                        self._take(news["spawn"], news["channel"], base64.b64decode(news["data"]))
                    elif news["type"] == "signalled":
                        self.signalled.append(news["signal"])
                    else:
                        if news["type"] == "exited":
                            self._over.add(news["spawn"])
                        self.news.put(news)
                    self._heard.notify_all()

    def _take(self, spawn, channel, data):
        assert not {spawn, (spawn, channel)} & self._over, "said after its end"
        self._output[spawn, channel] = self._output.get((spawn, channel), b"") + data
        if not data:
            self._over.add((spawn, channel))


def of_spawn(spawn):
    """The living processes that carry the mark of a spawn, which no environment shows."""
    mark = str(1 << 62 | int(spawn.split("-")[1], 16) & ((1 << 62) - 1))
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            limits = Path("/proc", entry, "limits").read_text()
            if mark in limits and state(int(entry)) not in (None, "Z", "X"):
                found.append(int(entry))
        except OSError:
            pass  # gone
    return found


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def is_gone(pid):
    return state(pid) in (None, "Z", "X")


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
