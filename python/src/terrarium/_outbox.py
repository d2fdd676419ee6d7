"""The queue of frames for the host, and the rules for when they may be sent.

All waiting frames travel in one message. At most one message with frames is unacknowledged. Frames that are put
meanwhile travel together in the next message, so batches grow under load. A received message is acknowledged by the
next message, or by a message without frames if there is none soon.
"""

import threading
from collections import deque
from collections.abc import Iterator
from time import monotonic

from terrarium.v1.session_pb2 import SessionRequest, WorkerFrame

BATCH_BYTES = 256 * 1024
"""Frames beyond this many bytes wait for the next message; a longer frame travels alone."""

FRAME_OVERHEAD = 64
"""The size of a frame beside its payload, in bytes."""

ACK_DELAY = 0.0005
"""How long an acknowledgement waits for a message to travel with, in seconds."""


_LAST = 2**32 - 1


def _after(seq: int) -> int:
    """The number of the next message: they begin again at 1, because 0 stands for none."""
    return seq + 1 if seq < _LAST else 1


class Outbox(Iterator[SessionRequest]):
    """The request iterator of the session: gRPC's thread takes messages from it, any thread puts frames in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._frames: deque[tuple[WorkerFrame | tuple[int, bytes], int]] = deque()
        self._sent = 0
        self._acknowledged = 0
        self._received = 0
        self._received_acknowledged = 0
        self._ack_due: float | None = None
        self._finishing = False
        self._asleep = False

    def put(self, frame: WorkerFrame, size: int = FRAME_OVERHEAD) -> None:
        """Says a frame of about ``size`` bytes as soon as the gate lets it."""
        self._put(frame, size)

    def put_result(self, id: int, value: bytes) -> None:
        """Says a Result. Its frame is made within its message: one made outside would be copied into it."""
        self._put((id, value), len(value) + FRAME_OVERHEAD)

    def _put(self, frame: "WorkerFrame | tuple[int, bytes]", size: int) -> None:
        with self._lock:
            self._frames.append((frame, size))
            if self._asleep and self._acknowledged == self._sent:
                self._changed.notify()

    def received(self, seq: int, ack: int) -> None:
        """A message has come in. Raises ValueError for numbers that this protocol does not allow."""
        with self._lock:
            if ack not in (self._acknowledged, self._sent):
                raise ValueError(f"it acknowledges message {ack} of {self._sent}")
            if seq not in (0, _after(self._received)):
                raise ValueError(f"its message {seq} follows {self._received}")
            if seq and self._received_acknowledged != self._received:
                raise ValueError(f"its message {seq} came before {self._received} was acknowledged")
            self._acknowledged = ack
            if seq:
                self._received = seq
            if self._asleep and (self._frames or self._finishing):
                self._changed.notify()

    def acknowledge_soon(self) -> None:
        """What came in brings about no frame by itself: it is acknowledged alone if none comes up in time."""
        with self._lock:
            self._ack_due = monotonic() + ACK_DELAY
            if self._asleep and self._received_acknowledged != self._received:
                self._changed.notify()

    @property
    def is_done(self) -> bool:
        """Whether the host has all that was said. A look without the lock: true only for a moment."""
        return not self._frames and self._acknowledged == self._sent

    @property
    def acknowledged(self) -> int:
        """The number of the last message that the host has acknowledged."""
        return self._acknowledged

    @property
    def owes(self) -> bool:
        """True if an ack is due. Racy read, by design."""
        return self._received_acknowledged != self._received

    @property
    def owes_alone(self) -> bool:
        """True if an ack is due and no frame takes it along: there is none, or it has to wait itself. Racy read, by
        design."""
        return self.owes and (not self._frames or self._acknowledged != self._sent)

    def finish(self) -> None:
        """Ends the stream once everything is said and acknowledged."""
        with self._lock:
            self._finishing = True
            self._changed.notify()

    def __next__(self) -> SessionRequest:
        with self._lock:
            while True:
                owed = self._received_acknowledged != self._received
                if self._acknowledged == self._sent:
                    if self._frames:
                        self._sent = _after(self._sent)
                        message = self._message(self._sent)
                        self._fill(message)
                        return message
                    if self._finishing:
                        if not owed:
                            raise StopIteration
                        return self._message(0)
                left = self._ack_due - monotonic() if owed and self._ack_due is not None else None
                if left is not None and left <= 0:
                    return self._message(0)
                self._asleep = True
                self._changed.wait(left)
                self._asleep = False

    def _message(self, seq: int) -> SessionRequest:
        self._received_acknowledged = self._received
        self._ack_due = None
        return SessionRequest(seq=seq, ack=self._received)

    def _fill(self, message: SessionRequest) -> None:
        add = message.frames.add
        room = BATCH_BYTES
        while self._frames and (room == BATCH_BYTES or self._frames[0][1] <= room):
            frame, size = self._frames.popleft()
            if isinstance(frame, tuple):
                result = add().result
                result.id, result.value = frame
            else:
                add().CopyFrom(frame)
            room -= size
