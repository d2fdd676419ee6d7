"""Starts the processes of one host, is their parent, and sees that neither they nor what they start outlive it.

Run as ``python -I -S _shepherd.py``, with orders on standard input and its report on descriptor 4: one JSON object per line and
direction. Descriptor 3 is its lifeline: nothing is ever sent on it, and its end is the end of the host.

The shepherd begins with ``{"type": "hello", "version": 1, "pid": 4711}``. Orders::

    {"type": "spawn", "spawn": "12-00ff00ff00ff00ff", "socket": "/…/shepherd.sock", "command": "python3", "args": ["-V"],
     "env": {"NAME": "value"}, "cwd": "/…" | null}
    {"type": "signal", "spawn": "12-00ff00ff00ff00ff", "signal": 15, "target": "process" | "group"}

``env`` is all of its environment, but for TERRARIUM_HOST_PID, which names the shepherd. Before it starts, the shepherd connects
to ``socket`` on its behalf, once for each of ``stdout``, ``stderr``, ``lifeline`` and ``report``, and sends 64 bytes on each:
spawn, a space and the name, filled up with spaces. These connections are the process's descriptors 1 to 4; standard input is
/dev/null. What is told of it::

    {"type": "spawned", "spawn": "…", "pid": 4712, "startTicks": 123456 | null}
    {"type": "refused", "spawn": "…", "code": "ENOENT", "message": "No such file or directory"}
    {"type": "exited", "spawn": "…", "code": 0 | null, "signal": 9 | null}

A process gets a session of its own and, on Linux, two guards that need nothing of it: the kernel kills it when the host's end of
its lifeline closes, and when the shepherd dies. When it exits, its group is killed while its number is still its own, and then
whatever it has left behind. The mark that tells whose that is cannot be shaken off by clearing the environment: a limit of real
time, immensely high, whose lower 62 bits are those of the spawn's random number.

When the host is gone, or on SIGTERM, or when the shepherd itself fails, it kills everything below it until nothing is left.

Standard library only; it never imports anything of a user's.
"""

import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

VERSION = 1
EXIT_HOST_GONE = 97

_ORDERS = 0
_LIFELINE = 3
_REPORT = 4
_CHANNELS = ("stdout", "stderr", "lifeline", "report")
_HEADER = 64
_LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MARK = 1 << 62


class Child:
    """A process that was started by order and is not reaped yet, so that its number is its own."""

    __slots__ = ("spawn", "pid")

    def __init__(self, spawn: str, pid: int) -> None:
        self.spawn = spawn
        self.pid = pid


class Shepherd:
    def __init__(self) -> None:
        self._children: "dict[int, Child]" = {}  # by pid
        self._over = False
        self._wakeup, wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup.setblocking(False)
        self._waker = wakeup
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)

    def run(self) -> None:
        try:
            self._tell({"type": "hello", "version": VERSION, "pid": os.getpid()})
            self._serve()
        finally:
            self._slaughter()

    def _leave(self, *_: object) -> None:
        self._over = True

    def _serve(self) -> None:
        poller = select.poll()
        for source in (_ORDERS, _LIFELINE, self._wakeup):
            poller.register(source, select.POLLIN)
        pending = b""
        while not self._over:
            for fd, _ in poller.poll():
                if fd == _LIFELINE:
                    return
                if fd != _ORDERS:
                    _drain(self._wakeup)
                    self._reap()
                    continue
                chunk = _read(_ORDERS)
                if not chunk:
                    return
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))

    def _obey(self, order: dict) -> None:
        if order["type"] == "spawn":
            self._spawn(order)
        elif order["type"] == "signal":
            self._signal(order)
        else:
            raise ValueError("no such order: %s" % order["type"])

    def _spawn(self, order: dict) -> None:
        spawn = order["spawn"]
        connections = []
        try:
            for channel in _CHANNELS:
                connections.append(_connect(order["socket"], spawn, channel))
            pid = _start(order, [connection.fileno() for connection in connections])
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or errno.EINVAL
            self._tell({"type": "refused", "spawn": spawn, "code": errno.errorcode[number], "message": os.strerror(number)})
        else:
            self._children[pid] = Child(spawn, pid)
            self._tell({"type": "spawned", "spawn": spawn, "pid": pid, "startTicks": _start_ticks(pid)})
        finally:
            for connection in connections:
                connection.close()

    def _signal(self, order: dict) -> None:
        for child in self._children.values():
            if child.spawn != order["spawn"]:
                continue
            # It is not reaped before its exit is told, so the number is its own.
            if order["target"] == "group":
                _kill_group(child.pid, order["signal"])
            else:
                _kill(child.pid, order["signal"])

    def _reap(self) -> None:
        """Tells of every process that has exited, and ends what it has left in its group and elsewhere."""
        while True:
            exited = _first_exited()
            if exited is None:
                break
            pid, code, number = exited
            child = self._children.pop(pid, None)
            if child is not None:
                _kill_group(pid, signal.SIGKILL)
            _bury(pid)
            if child is not None:
                self._tell({"type": "exited", "spawn": child.spawn, "code": code, "signal": number})
        self._end_orphans()

    def _end_orphans(self) -> None:
        """Kills what dead spawns have left to us. What a living one has left belongs to it, for as long as it lives."""
        living = {_mark_of(child.spawn) for child in self._children.values()}
        for pid in _children():
            if pid in self._children:
                continue
            mark = _read_mark(pid)
            # Without a mark it may be anybody's who lives.
            if mark not in living if mark is not None else not living:
                _kill(pid, signal.SIGKILL)

    def _slaughter(self) -> None:
        """Ends everything below us, and whatever that leaves to us in turn, until there is nothing."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait = 0.001
        while True:
            for leader in list(self._children):
                _kill_group(leader, signal.SIGKILL)
            for child in _children():
                _kill(child, signal.SIGKILL)
            buried = False
            try:
                while True:
                    pid, _ = os.waitpid(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    self._children.pop(pid, None)
                    buried = True
            except ChildProcessError:
                return
            # The kernel holds the others, or they are on their way.
            wait = 0.001 if buried else min(wait * 2, 0.5)
            select.select([], [], [], wait)

    def _tell(self, news: dict) -> None:
        line = json.dumps(news).encode() + b"\n"
        try:
            while line:
                line = line[os.write(_REPORT, line) :]
        except OSError:
            self._over = True  # nobody is there to hear it


def _connect(path: str, spawn: str, channel: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
        connection.sendall(("%s %s" % (spawn, channel)).encode().ljust(_HEADER))
    except (FileNotFoundError, PermissionError):  # not to be taken for what the program lacks
        connection.close()
        raise OSError(errno.ECONNREFUSED, "nobody listens at " + path) from None
    return connection


def _start(order: dict, channels: "list[int]") -> int:
    """Forks and execs; raises OSError if that fails."""
    told, tell = os.pipe()
    shepherd = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(order, channels, shepherd)
        except OSError as error:
            os.write(tell, b"%d" % (error.errno or errno.EIO))
        except ValueError:  # a NUL, or what cannot be encoded
            os.write(tell, b"%d" % errno.EINVAL)
        except BaseException:
            os.write(tell, b"%d" % errno.EIO)
        finally:
            os._exit(127)
    os.close(tell)
    refusal = _read(told)
    os.close(told)
    if not refusal:
        return pid
    os.waitpid(pid, 0)
    raise OSError(int(refusal), os.strerror(int(refusal)))


def _become(order: dict, channels: "list[int]", shepherd: int) -> None:
    signal.set_wakeup_fd(-1)
    for handled in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(handled, signal.SIG_DFL)
    os.setsid()
    # Out of the way first: one of them may have the number that another is to have.
    descriptors = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in channels]
    for number, fd in enumerate([os.open(os.devnull, os.O_RDONLY), *descriptors]):
        os.dup2(fd, number)
    if _LINUX:
        _guard(order["spawn"], shepherd)
    if order.get("cwd") is not None:
        os.chdir(order["cwd"])
    env = {**order["env"], "TERRARIUM_HOST_PID": str(shepherd)}
    os.execvpe(order["command"], [order["command"], *order["args"]], env)


def _guard(spawn: str, shepherd: int) -> None:
    _signal_at_end(_LIFELINE, signal.SIGKILL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Neither of them tells of what had happened before.
    poller = select.poll()
    poller.register(_LIFELINE, select.POLLIN)
    if poller.poll(0) or os.getppid() != shepherd:
        os._exit(EXIT_HOST_GONE)
    mark = _mark_of(spawn)
    if resource is not None and mark < _at_most():
        resource.setrlimit(resource.RLIMIT_RTTIME, (mark, mark))


def _signal_at_end(fd: int, number: int) -> None:
    """The kernel sends us a signal when the other end is closed, whatever we are doing."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, getattr(fcntl, "F_SETSIG", 10), number)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def _at_most() -> int:
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    return 1 << 63 if hard == resource.RLIM_INFINITY else hard


def _mark_of(spawn: str) -> int:
    return _MARK | int(spawn.rpartition("-")[2], 16) & (_MARK - 1)


def _read_mark(pid: int) -> "int | None":
    """The mark of a process; None if it has none, or has gone."""
    try:
        with open("/proc/%d/limits" % pid, "rb") as file:
            for line in file:
                if line.startswith(b"Max realtime timeout"):
                    value = line.split()[3]
                    return int(value) if value.isdigit() and int(value) >= _MARK else None
    except OSError:
        pass
    return None


def _first_exited() -> "tuple[int, int | None, int | None] | None":
    """Some child that has exited, and is not reaped: pid, status, signal."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if found is None:
        return None
    if found.si_code == os.CLD_EXITED:
        return found.si_pid, found.si_status, None
    return found.si_pid, None, found.si_status


def _bury(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def _children() -> "list[int]":
    """Our children: those who were started here, and those who were left to us."""
    try:
        with open("/proc/self/task/%d/children" % os.getpid(), "rb") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        pass
    found = []
    for entry in os.listdir("/proc") if _LINUX else []:
        if entry.isdigit() and _stat(int(entry))[1:2] == [b"%d" % os.getpid()]:
            found.append(int(entry))
    return found


def _start_ticks(pid: int) -> "int | None":
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def _stat(pid: int) -> "list[bytes]":
    """The fields of /proc/PID/stat from the third, the state, on."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone, or another user's now


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left in it, or a member has changed its user: the others got it


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""


def _drain(connection: socket.socket) -> None:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        pass


def _prctl(option: int, value: int) -> None:
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, int(value), 0, 0, 0)
    except (ImportError, OSError):
        pass


def main() -> None:
    for fd in (_ORDERS, _LIFELINE, _REPORT):
        os.set_inheritable(fd, False)
    if _LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        # If the host dies while we are stopped, we are to go on and see it.
        _signal_at_end(_LIFELINE, signal.SIGCONT)
    Shepherd().run()


if __name__ == "__main__":
    main()
