"""A host with one shepherd, for the tests, and functions that read the state of its processes from /proc. For the
protocol see the package ``terrarium_shepherd``."""

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

# Part of the launcher: takes containments away by namespaces in which no cgroup is mounted, or no PID namespace can be
# made.
WITHOUT = """
import ctypes
libc = ctypes.CDLL(None)
def check(status):
    if status != 0:
        sys.exit("the containment cannot be taken away")
if "cgroup" in {missing!r}:
    check(libc.unshare(0x20000))
    check(libc.mount(b"none", b"/", None, ctypes.c_ulong(16384 | 1 << 18), None))
    for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
        if " - cgroup2 " in line:
            check(libc.umount2(line.split()[4].encode(), 2))
if "pidns" in {missing!r}:
    check(libc.unshare(0x10000000))
    for name, line in [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")]:
        open("/proc/self/" + name, "w").write(line)
    open("/proc/sys/user/max_pid_namespaces", "w").write("0")
os.execv("""


# Part of the launcher: passes folders on as descriptors from 5 on.
HAND_OVER = """
folders = [os.dup2(fd, 64 + index) for index, fd in enumerate({folders!r})]
os.closerange(5, 64)
for index, fd in enumerate(folders):
    os.dup2(fd, 5 + index)
    os.close(fd)
"""


# Runs the shepherd as its script does, but gives a process less time to become its program.
HURRIED = """
import runpy, sys
sys.path.insert(0, {parent!r})
import terrarium_shepherd.spawn as spawn
spawn._EXEC_TIMEOUT = {seconds}
runpy.run_path({shepherd!r}, run_name="__main__")
"""


class Runtime:
    """A host with one shepherd. Orders go to the shepherd; its news come by ``news``, its processes' output by
    ``line``, ``rest`` and ``output``."""

    def __init__(self, folder, containment, missing=(), folders=(), cgroup=None, exec_timeout=None):
        """``missing``: the containments to take away; ``folders``: descriptors of the folders to lock; ``cgroup``: the
        control group that the shepherd is started in; ``exec_timeout``: in s, in place of the shepherd's own."""
        launcher = LAUNCHER.replace("os.closerange(5, 64)", HAND_OVER.format(folders=list(folders)))
        if cgroup is not None:
            launcher = f"open({str(cgroup / 'cgroup.procs')!r}, 'w').write('0')\n" + launcher
        if missing:
            launcher = launcher.replace("os.execv(", WITHOUT.format(missing=missing))
        hurried = HURRIED.format(parent=str(SHEPHERD.parent), shepherd=str(SHEPHERD / "__main__.py"), seconds=exec_timeout)
        shepherd = [str(SHEPHERD / "__main__.py")] if exec_timeout is None else ["-c", hurried]
        fifo = str(folder / f"{os.urandom(4).hex()}.fifo")
        self._output = {}  # received and not read by the test, by spawn and channel
        self._finished = set()  # spawns, and pairs of spawn and channel, without further output
        self.signalled = []  # the application signals that the shepherd has reported
        self._changed = threading.Condition()
        self.reading = threading.Event()  # while it is not set, the host reads no news
        self.reading.set()
        lifeline, self.lifeline = os.pipe()
        self.news_socket, far_end = socket.socketpair()
        self.process = subprocess.Popen(
            [
                *[sys.executable, "-I", "-S", "-c", launcher, str(lifeline), str(far_end.fileno())],
                *[sys.executable, "-I", "-S", *shepherd, "--lifeline", fifo, "--containment", containment],
                *["--folders", str(len(folders))],
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(lifeline, far_end.fileno(), *folders),
            start_new_session=True,
        )
        os.close(lifeline)
        far_end.close()
        self.news = queue.SimpleQueue()
        threading.Thread(target=self._read_news, daemon=True).start()
        self.hello = self.news.get(timeout=PATIENCE)
        self._process_lifeline = None
        if self.hello["type"] == "hello":
            self._process_lifeline = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
            os.unlink(fifo)
        self.spawns = []

    def order(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, *command, env=None, cwd=None, **order):
        """Orders a process; returns its spawn id."""
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
        """Starts a process; returns its spawn id and its pid."""
        spawn = self.ask(*command, **more)
        return spawn, self.next("spawned", spawn)["pid"]

    def python(self, code, *args, **more):
        return self.start(sys.executable, "-I", "-S", "-c", code, *args, **more)

    def refusal(self, *command, **more):
        return self.next("refused", self.ask(*command, **more))["code"]

    def next(self, kind, spawn=None):
        """The next news, which must be of this kind and spawn; skips ``cleared``."""
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
        """The next line of output, or what there is if the channel ends before."""
        output = self._wait(spawn, name, lambda output: b"\n" in output)
        line, end, rest = output.partition(b"\n")
        self._output[spawn, name] = rest
        return (line + end).decode()

    def rest(self, spawn, name="stdout"):
        """All further output, to the end of the channel."""
        return self._wait(spawn, name, lambda _: False).decode()

    def output(self, spawn, name):
        """The output that has come so far and is not read."""
        with self._changed:
            return self._output.get((spawn, name), b"")

    def flow(self, spawn, name, on):
        self.order(type="flow", spawn=spawn, channel=name, on=on)

    def _wait(self, spawn, name, is_enough):
        def output():
            return self._output.get((spawn, name), b"")

        def is_done():
            return is_enough(output()) or not {spawn, (spawn, name)}.isdisjoint(self._finished)

        with self._changed:
            assert self._changed.wait_for(is_done, PATIENCE), output()
            return output()

    def close_lifeline(self):
        """Closes the host's end of the processes' lifeline."""
        if self._process_lifeline is not None:
            os.close(self._process_lifeline)
            self._process_lifeline = None

    def leave(self):
        """Does what the host's exit does; returns the shepherd's exit status."""
        self.reading.set()
        self.close_lifeline()
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None
        return self.process.wait(PATIENCE)

    def close(self):
        self.leave()
        self.process.stdin.close()
        self.process.stderr.close()
        assert [pid for spawn in self.spawns for pid in of_spawn(spawn)] == []

    def _read_news(self):
        with self.news_socket, self.news_socket.makefile("rb") as lines:
            for line in lines:
                self.reading.wait()
                if not line.endswith(b"\n"):
                    return  # a partial line: the shepherd was killed while writing it
                news = json.loads(line)
                with self._changed:
                    if news["type"] == "output":
                        self._add_output(news["spawn"], news["channel"], base64.b64decode(news["data"]))
                    elif news["type"] == "signalled":
                        self.signalled.append(news["signal"])
                    else:
                        if news["type"] == "exited":
                            self._finished.add(news["spawn"])
                        self.news.put(news)
                    self._changed.notify_all()

    def _add_output(self, spawn, channel, data):
        assert not {spawn, (spawn, channel)} & self._finished, "output came after the end of its channel"
        self._output[spawn, channel] = self._output.get((spawn, channel), b"") + data
        if not data:
            self._finished.add((spawn, channel))


def of_spawn(spawn):
    """The pids of the living processes that carry the rlimit tag of a spawn."""
    tag = str(1 << 62 | int(spawn.split("-")[1], 16) & ((1 << 62) - 1))
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            limits = Path("/proc", entry, "limits").read_text()
            if tag in limits and state(int(entry)) not in (None, "Z", "X"):
                found.append(int(entry))
        except OSError:
            pass  # exited
    return found


def state(pid):
    """The state letter in /proc, None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def has_exited(pid):
    return state(pid) in (None, "Z", "X")


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# Leaves a daemon behind that has called setsid, lost its parents and cleared its environment.
DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
"""


def with_daemon(runtime):
    """Starts a process that leaves a daemon behind; returns both pids."""
    spawn, pid = runtime.python(DAEMON + "print(flush=True)\nimport time\ntime.sleep(600)")
    runtime.line(spawn)
    (daemon,) = [other for other in of_spawn(spawn) if other != pid]
    return pid, daemon
