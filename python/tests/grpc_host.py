"""The gRPC transport of the tests' host: a server that speaks the real protocol to real workers.

It checks the numbers and acknowledgements of every message, so that a worker that breaks the protocol fails its test.
"""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import grpc
from connection import PATIENCE, Connection, HostCall, Item, Result
from terrarium._frames import Failure, FailureCode, Hello, HostCancel, HostCredit, Pong, Progress, Ready, ToolInfo, Want
from terrarium._version import PROTOCOL_VERSION
from terrarium.v1 import session_pb2 as wire

HEARD = {"host_cancel": HostCancel, "host_credit": HostCredit, "want": Want}


class GrpcConnection(Connection):
    """One worker's stream, seen from the host."""

    def __init__(self):
        super().__init__()
        self.batches = []  # number of frames of every message received
        self.bare_acks = 0
        self.hold_acks = False
        self.received = 0  # highest seq from the worker
        self.acknowledged_to_worker = 0
        self.acknowledged_by_worker = 0
        self.sent = 0
        self.outbox = deque()
        self._raw = deque()  # messages of ``send_raw``
        self._ending = None

    def send(self, *frames):
        with self.changed:
            self.outbox.extend(frames)
            self.changed.notify_all()

    def send_raw(self, message):
        """Sends a message unchecked, with any numbers, or bytes that are no message."""
        with self.changed:
            self._raw.append(message)
            self.changed.notify_all()

    def send_call(self, id, tool, data, timeout_ms, is_stream=False, progress=False, session=0):
        flags = {"stream": is_stream, "progress": progress, "session": session}
        call = wire.Call(id=id, tool=tool, arguments=data, timeout_ms=timeout_ms, **flags)
        self.send(wire.HostFrame(call=call))

    def send_credit(self, call_id, bytes):
        self.send(wire.HostFrame(credit=wire.Credit(id=call_id, bytes=bytes)))

    def send_host_result(self, id, body=b"\xc0"):
        self.send(wire.HostFrame(host_result=wire.HostResult(id=id, value=body)))

    def send_host_failure(self, id, code=1):
        self.send(wire.HostFrame(host_failure=wire.HostFailure(id=id, code=code)))

    def send_host_item(self, id, body=b"\xc0"):
        self.send(wire.HostFrame(host_item=wire.HostItem(id=id, value=body)))

    def send_feed(self, call_id, feed, body=b"\xc0"):
        self.send(wire.HostFrame(feed=wire.Feed(id=call_id, feed=feed, value=body)))

    def send_feed_end(self, call_id, feed):
        self.send(wire.HostFrame(feed_end=wire.FeedEnd(id=call_id, feed=feed)))

    def send_session_open(self, number):
        self.send(wire.HostFrame(session_open=wire.SessionOpen(number=number, id="a")))

    def send_session_close(self, number):
        self.send(wire.HostFrame(session_close=wire.SessionClose(number=number)))

    def send_cancel(self, call_id, unless_begun):
        self.send(wire.HostFrame(cancel=wire.Cancel(id=call_id, unless_begun=unless_begun)))

    def send_ping(self, nonce):
        self.send(wire.HostFrame(ping=wire.Ping(nonce=nonce)))

    def release_acks(self):
        with self.changed:
            self.hold_acks = False
            self.changed.notify_all()

    def end(self, code=None, details=""):
        """Ends the stream: with OK, or with a status."""
        with self.changed:
            self._ending = (code, details)
            self.changed.notify_all()

    def abort(self):
        self.end(grpc.StatusCode.UNAVAILABLE, "going away")

    def receive(self, message):
        with self.changed:
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
                self._frame(frame)
            self.changed.notify_all()

    def _frame(self, frame):
        kind = frame.WhichOneof("kind")
        content = getattr(frame, kind)
        fields = {field.name: getattr(content, field.name) for field in content.DESCRIPTOR.fields}
        if kind == "hello":
            self.version = fields.pop("protocol_version")
            self.hello = Hello(**fields)
        elif kind == "ready":
            self.heard(Ready([ToolInfo(t.name, t.is_async, t.is_stream, t.summary) for t in content.tools]))
        elif kind == "result":
            self.heard(Result(content.id, content.value))
        elif kind == "item":
            self.heard(Item(content.id, content.value))
        elif kind == "host_call":
            self.heard(HostCall(content.id, content.call, content.stream, content.body))
        elif kind in HEARD:
            self.heard(HEARD[kind](**fields))
        elif kind == "failure":
            self.heard(Failure(**{**fields, "code": FailureCode(content.code)}))
        elif kind == "progress":
            said = {name: value if content.HasField(name) else None for name, value in fields.items() if name in ("done", "total")}
            self.heard(Progress(fields["id"], said["done"], said["total"], fields["text"]))
        else:
            self.heard(Pong(**fields))

    def responses(self, context):
        while True:
            with self.changed:
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
                    may_send = self.outbox and self.acknowledged_by_worker == self.sent
                    if may_send or owed:
                        break
                    self.changed.wait()
                message = self._raw.popleft() if self._raw else self._next(may_send)
            yield message

    def _next(self, may_send):
        frames = list(self.outbox) if may_send else []
        if frames:
            self.outbox.clear()
            self.sent += 1
        if not self.hold_acks:
            self.acknowledged_to_worker = self.received
        return wire.SessionResponse(seq=self.sent if frames else 0, ack=self.acknowledged_to_worker, frames=frames)


class GrpcServer:
    """``refusal``: a gRPC status to end every session with; ``first``: a message to send instead of Welcome;
    ``version``: that of Welcome."""

    def __init__(self, path, expect, max_bytes, refusal=None, first=None, version=PROTOCOL_VERSION):
        self._expect = expect
        self._refusal = refusal
        self._first = first
        self._welcome = wire.Welcome(protocol_version=version, max_message_bytes=max_bytes)
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
        handler = grpc.stream_stream_rpc_method_handler(
            self._session,
            request_deserializer=wire.SessionRequest.FromString,
            response_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
        )
        service = grpc.method_handlers_generic_handler("terrarium.v1.HostService", {"Session": handler})
        self._server.add_generic_rpc_handlers((service,))
        assert self._server.add_insecure_port(f"unix:{quote(path)}") != 0
        self._server.start()

    def close(self):
        self._server.stop(None).wait(PATIENCE)

    def _session(self, requests, context):
        first = next(requests)
        if self._refusal is not None:
            context.abort(*self._refusal)
        worker = self._expect(first.frames[0].hello.token)
        if worker is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no worker is expected with this token")
        connection = GrpcConnection()
        if self._first is None:
            connection.send(wire.HostFrame(welcome=self._welcome))
        else:
            connection.send_raw(self._first)
        connection.receive(first)
        worker.connection = connection
        threading.Thread(target=self._read, args=(connection, requests), daemon=True).start()
        yield from connection.responses(context)

    def _read(self, connection, requests):
        try:
            for message in requests:
                connection.receive(message)
        except Exception:
            pass  # gRPC raises for a cancelled stream: it has ended too
        finally:
            connection.lost()
