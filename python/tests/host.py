"""A host of workers, for the tests: a gRPC server that speaks the real protocol to real workers.

It checks the numbers and acknowledgements of every message, so that a worker that breaks the protocol fails its test.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import grpc
import msgpack

from terrarium.v1 import session_pb2 as wire
from terrarium_shepherd import signals

SOURCES = Path(__file__).resolve().parent.parent / "src"
BOOT = SOURCES / "terrarium" / "_boot.py"

PATIENCE = 20.0
"""How long a test waits for anything before it fails, in seconds."""

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


def eventually(what, condition, patience=PATIENCE):
    """Waits until ``condition()`` is true and returns its value. ``patience`` in seconds."""
    end = time.monotonic() + patience
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"still not after {patience} s: {what}")
        time.sleep(0.005)
    return value


class Connection:
    """One worker's stream, seen from the host."""

    def __init__(self):
        self.hello = None
        self.violations = []
        self.batches = []  # number of frames of every message received
        self.bare_acks = 0
        self.frames = queue.SimpleQueue()  # all frames but Hello, results and failures
        self.answers = {}
        self.hold_acks = False
        self.received = 0  # highest seq from the worker
        self.acknowledged_to_worker = 0
        self.acknowledged_by_worker = 0
        self.sent = 0
        self.ended = threading.Event()
        self.on_answer = None
        self._changed = threading.Condition()
        self._outbox = deque()
        self._raw = deque()  # messages of ``send_raw``
        self._ending = None
        self._last_call = 0

    def call(self, tool, arguments=None, timeout_ms=0, raw=None):
        """Sends a call; returns its id."""
        data = raw if raw is not None else msgpack.packb(arguments or {}, datetime=True)
        with self._changed:
            self._last_call += 1
            call = wire.Call(id=self._last_call, tool=tool, arguments=data, timeout_ms=timeout_ms)
            self._outbox.append(wire.HostFrame(call=call))
            self._changed.notify_all()
            return self._last_call

    def send(self, *frames):
        with self._changed:
            self._outbox.extend(frames)
            self._changed.notify_all()

    def send_raw(self, message):
        """Sends a message unchecked, with any numbers, or bytes that are no message."""
        with self._changed:
            self._raw.append(message)
            self._changed.notify_all()

    def cancel(self, call_id, unless_begun=False):
        self.send(wire.HostFrame(cancel=wire.Cancel(id=call_id, unless_begun=unless_begun)))

    def answer(self, call_id, patience=PATIENCE):
        """The Result or Failure of a call."""
        with self._changed:
            assert self._changed.wait_for(lambda: call_id in self.answers or self.ended.is_set(), patience), "no answer"
            assert call_id in self.answers, "the stream ended without an answer"
            return self.answers[call_id]

    def value(self, call_id):
        answer = self.answer(call_id)
        assert isinstance(answer, wire.Result), answer
        return msgpack.unpackb(answer.value, timestamp=3, strict_map_key=False)

    def run(self, tool, timeout_ms=0, **arguments):
        """Calls a tool and returns its value."""
        return self.value(self.call(tool, arguments, timeout_ms))

    def fail(self, tool, timeout_ms=0, **arguments):
        """Calls a tool and returns its failure."""
        answer = self.answer(self.call(tool, arguments, timeout_ms))
        assert isinstance(answer, wire.Failure), answer
        return answer

    def release_acks(self):
        with self._changed:
            self.hold_acks = False
            self._changed.notify_all()

    def end(self, code=None, details=""):
        """Ends the stream: with OK, or with a status."""
        with self._changed:
            self._ending = (code, details)
            self._changed.notify_all()

    def _receive(self, message):
        with self._changed:
            if message.seq:
                if message.seq != self.received + 1:
                    self.violations.append(f"message {message.seq} follows {self.received}")
                if self.received > self.acknowledged_to_worker:
                    self.violations.append(f"message {message.seq} came before {self.received} was acknowledged")
                if not message.frames:
                    self.violations.append(f"message {message.seq} has no frames")
                self.received = message.seq
                self.batches.append(len(message.frames))
            else:
                if message.frames:
                    self.violations.append("a message without number has frames")
                self.bare_acks += 1
            if not self.acknowledged_by_worker <= message.ack <= self.sent:
                self.violations.append(f"acknowledges {message.ack} of {self.sent}")
            self.acknowledged_by_worker = message.ack
            for frame in message.frames:
                kind = frame.WhichOneof("kind")
                if kind in ("result", "failure"):
                    answer = getattr(frame, kind)
                    if answer.id in self.answers:
                        self.violations.append(f"call {answer.id} was answered twice")
                    self.answers[answer.id] = answer
                    if self.on_answer is not None:
                        self.on_answer(answer)
                elif kind == "hello":
                    self.hello = frame.hello
                else:
                    self.frames.put(frame)
            self._changed.notify_all()

    def _responses(self, context):
        while True:
            with self._changed:
                while True:
                    if self._ending is not None:
                        code, details = self._ending
                        if code is not None:
                            context.abort(code, details)
                        return
                    if self.ended.is_set():
                        return
                    if self._raw:
                        break
                    owed = self.received > self.acknowledged_to_worker and not self.hold_acks
                    may_send = self._outbox and self.acknowledged_by_worker == self.sent
                    if may_send or owed:
                        break
                    self._changed.wait()
                message = self._raw.popleft() if self._raw else self._next(may_send)
            yield message

    def _next(self, may_send):
        frames = list(self._outbox) if may_send else []
        if frames:
            self._outbox.clear()
            self.sent += 1
        if not self.hold_acks:
            self.acknowledged_to_worker = self.received
        return wire.SessionResponse(seq=self.sent if frames else 0, ack=self.acknowledged_to_worker, frames=frames)


class Worker:
    """A worker process, started in the same way as by the real host."""

    def __init__(self, spawn):
        self.spawn = spawn
        self.connection = None
        self.report = []
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
        self.process.send_signal(signals.ORDER_TO_END)

    def terminate(self):
        self.order_to_end()
        return self.status()


class Host:
    """A gRPC server on a Unix socket, and its workers.

    ``welcome``: the Welcome to send; ``refusal``: a gRPC status to end every session with; ``first``: see below.
    """

    def __init__(self, folder, welcome=None, refusal=None, first=None):
        self.welcome = welcome or wire.Welcome(protocol_version=1, max_message_bytes=64 * 1024 * 1024)
        self.refusal = refusal
        self.first = first
        """A message to send instead of Welcome."""
        self.socket = str(folder / "host.sock")
        self.workers = []
        self.spawn_tag = f"tests:{os.urandom(4).hex()}"
        self._expected = {}
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
        handler = grpc.stream_stream_rpc_method_handler(
            self._session,
            request_deserializer=wire.SessionRequest.FromString,
            response_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
        )
        service = grpc.method_handlers_generic_handler("terrarium.v1.HostService", {"Session": handler})
        self._server.add_generic_rpc_handlers((service,))
        assert self._server.add_insecure_port(f"unix:{quote(self.socket)}") != 0
        self._server.start()

    def start(self, *tools, python=sys.executable, env=None, boot=None):
        """Starts a worker without waiting for it. ``env`` overrides variables; None deletes one."""
        spawn = f"{self.spawn_tag}:{len(self.workers) + 1}"
        token = os.urandom(8).hex()
        lifeline_read, lifeline = os.pipe()
        report, report_write = os.pipe()
        entries = [str(entry) for entry in tools]
        configuration = {"socket": self.socket, "token": token, "tools": entries, **(boot or {})}
        variables = {
            **os.environ,
            "TERRARIUM_SPAWN": spawn,
            "TERRARIUM_HOST_PID": str(os.getpid()),
            "TERRARIUM_BOOT": json.dumps(configuration),
            **(env or {}),
        }
        command = [str(python), "-u", str(BOOT), "--terrarium-run", "testrun", "--terrarium-spawn", spawn, str(SOURCES)]
        worker = Worker(spawn)
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
        frame = worker.connection.frames.get(timeout=PATIENCE)
        assert frame.WhichOneof("kind") == "ready", frame
        worker.connection.ready = frame.ready
        worker.connection.worker = worker
        return worker.connection

    def close(self):
        """Ends all workers. Fails if a process with our spawn tag is left, or if a worker broke the protocol."""
        for worker in self.workers:
            worker.close_lifeline()
            worker.status()
        self._server.stop(None).wait(PATIENCE)
        try:
            eventually("no process with our spawn tag is left", lambda: not tagged(self.spawn_tag))
        finally:
            for pid in tagged(self.spawn_tag):
                os.kill(pid, signal.SIGKILL)
        violations = [text for worker in self.workers if worker.connection for text in worker.connection.violations]
        assert violations == []

    def _session(self, requests, context):
        first = next(requests)
        if self.refusal is not None:
            context.abort(*self.refusal)
        worker = self._expected.pop(first.frames[0].hello.token, None)
        if worker is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no worker is expected with this token")
        connection = Connection()
        if self.first is None:
            connection.send(wire.HostFrame(welcome=self.welcome))
        else:
            connection.send_raw(self.first)
        connection._receive(first)
        worker.connection = connection
        threading.Thread(target=self._read, args=(connection, requests), daemon=True).start()
        yield from connection._responses(context)

    def _read(self, connection, requests):
        try:
            for message in requests:
                connection._receive(message)
        except Exception:
            pass  # gRPC raises for a cancelled stream: it has ended too
        finally:
            connection.ended.set()
            with connection._changed:
                connection._changed.notify_all()


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
