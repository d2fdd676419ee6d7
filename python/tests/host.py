"""A host of workers, for the tests: it starts real workers as the real host does, and speaks the real protocol to them,
over either transport."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from connection import PATIENCE, eventually
from grpc_host import GrpcServer
from lane_host import LaneServer
from terrarium._frames import Ready
from terrarium_shepherd import signals

SOURCES = Path(__file__).resolve().parent.parent / "src"
BOOT = SOURCES / "terrarium" / "_boot.py"

TRANSPORTS = ["socket", "grpc"]

# Moves the two descriptors in its arguments to 3 and 4, then becomes the worker: same process, same parent.
LAUNCHER = """
import os, sys
lifeline, report, *command = sys.argv[1:]
high = [os.dup(int(fd)) for fd in (lifeline, report)]
while high[0] < 5 or high[1] < 5:
    high = [os.dup(fd) for fd in high]
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.closerange(5, 64)
os.execv(command[0], command)
"""


class Worker:
    """A worker process, started in the same way as by the real host."""

    def __init__(self, spawn, begun):
        self.spawn = spawn
        self.begun = begun
        """The file of begun calls."""
        self.connection = None
        self.report = []
        self.is_to_end = False
        """It was ordered to end."""
        self.output = {"stdout": "", "stderr": ""}

    def watch(self, process, lifeline, report_fd):
        self.process = process
        self.pid = process.pid
        self.lifeline = lifeline
        self._threads = [threading.Thread(target=self._read_report, args=(report_fd,), daemon=True)]
        for name in self.output:
            self._threads.append(threading.Thread(target=self._read_output, args=(name,), daemon=True))
        for thread in self._threads:
            thread.start()

    def _read_report(self, fd):
        with open(fd, encoding="utf-8") as lines:
            for line in lines:
                self.report.append(json.loads(line))

    def _read_output(self, name):
        with getattr(self.process, name) as stream:
            for line in stream:
                self.output[name] += line.decode()

    def phases(self):
        return [(line["phase"], line["module"]) if "module" in line else line["phase"] for line in self.report]

    def close_lifeline(self):
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None

    def status(self, patience=PATIENCE):
        """Waits for the exit and for all output; returns the exit status, negative for a signal."""
        status = self.process.wait(patience)
        for thread in self._threads:
            thread.join(patience)
            assert not thread.is_alive(), "another process holds the boot report or the output of the exited worker"
        return status

    def order_to_end(self):
        self.is_to_end = True
        self.process.send_signal(signals.ORDER_TO_END)

    def terminate(self):
        self.order_to_end()
        return self.status()


class Host:
    """A server on a Unix socket, and its workers. ``max_bytes``: the longest message or body; ``options``: those of
    GrpcServer or LaneServer."""

    def __init__(self, folder, transport="grpc", max_bytes=64 * 1024 * 1024, **options):
        self.transport = transport
        self.folder = folder
        self.socket = str(folder / "host.sock")
        self.workers = []
        self.spawn_tag = f"tests:{os.urandom(4).hex()}"
        self._expected = {}
        server = GrpcServer if transport == "grpc" else LaneServer
        self._server = server(self.socket, lambda token: self._expected.pop(token, None), max_bytes, **options)

    def start(self, *tools, python=sys.executable, env=None, boot=None):
        """Starts a worker without waiting for it. ``env`` overrides variables; None deletes one."""
        spawn = f"{self.spawn_tag}:{len(self.workers) + 1}"
        token = os.urandom(8).hex()
        lifeline_read, lifeline = os.pipe()
        report, report_write = os.pipe()
        entries = [str(entry) for entry in tools]
        begun = self.folder / f"begun-{len(self.workers) + 1}"
        begun.write_bytes(bytes(4 * 4096))
        configuration = {
            "socket": self.socket,
            "token": token,
            "tools": entries,
            "transport": self.transport,
            "begun": str(begun),
            **(boot or {}),
        }
        variables = {
            **os.environ,
            "TERRARIUM_SPAWN": spawn,
            "TERRARIUM_HOST_PID": str(os.getpid()),
            "TERRARIUM_BOOT": json.dumps(configuration),
            **(env or {}),
        }
        command = [str(python), "-u", str(BOOT), "--terrarium-run", "testrun", "--terrarium-spawn", spawn, str(SOURCES)]
        worker = Worker(spawn, begun)
        self._expected[token] = worker  # before the worker can connect
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(lifeline_read), str(report_write), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[lifeline_read, report_write],
            start_new_session=True,
            env={key: value for key, value in variables.items() if value is not None},
        )
        os.close(lifeline_read)
        os.close(report_write)
        worker.watch(process, lifeline, report)
        self.workers.append(worker)
        return worker

    def ready(self, *tools, **options):
        """Starts a worker and returns its connection once it is ready; ``connection.worker`` is the worker."""
        worker = self.start(*tools, **options)
        eventually("connected", lambda: worker.connection or worker.process.poll() is not None)
        assert worker.connection is not None, (worker.report, worker.output)
        worker.connection.ready = worker.connection.frames.get(timeout=PATIENCE)
        assert isinstance(worker.connection.ready, Ready), worker.connection.ready
        worker.connection.worker = worker
        return worker.connection

    def close(self):
        """Ends all workers. Fails if a process with our spawn tag is left, or if a worker broke the protocol."""
        for worker in self.workers:
            worker.close_lifeline()
            worker.status()
        self._server.close()
        try:
            eventually("no process with our spawn tag is left", lambda: not tagged(self.spawn_tag))
        finally:
            for pid in tagged(self.spawn_tag):
                os.kill(pid, signal.SIGKILL)
        violations = [text for worker in self.workers if worker.connection for text in worker.connection.violations]
        assert violations == []

def tagged(spawn_tag):
    """The pids of the processes whose spawn tag begins like this, by scanning /proc."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            environ = Path("/proc", entry, "environ").read_bytes()
        except OSError:
            continue
        if any(item.startswith(f"TERRARIUM_SPAWN={spawn_tag}:".encode()) for item in environ.split(b"\0")):
            found.append(int(entry))
    return found
