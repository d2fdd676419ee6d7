"""What waits to be said to the host, and when it may be said.

All frames that wait travel in one message. At most one message with frames is unacknowledged: what comes up meanwhile
travels together in the next one, so batches grow under load. What was received is acknowledged with the next message,
or alone when none comes up soon.
"""

import threading
from collections import deque
from collections.abc import Iterator
from time import monotonic

from terrarium.v1.session_pb2 import SessionRequest, WorkerFrame

BATCH_BYTES = 256 * 1024
"""Frames beyond this many bytes wait for the next message; a longer frame travels alone."""

ACK_DELAY = 0.0005
"""How long an acknowledgement waits for a message to travel with, in seconds."""


class Outbox(Iterator[SessionRequest]):
    """The request iterator of the session: gRPC's thread takes messages from it, any thread puts frames in."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._frames: deque[tuple[WorkerFrame, int]] = deque()
        self._sent = 0
        self._acknowledged = 0
        self._received = 0
        self._received_acknowledged = 0
        self._ack_due = 0.0
        self._finishing = False
        self._waiting = False

    def put(self, frame: WorkerFrame, size: int = 64) -> None:
        """Says a frame of about ``size`` bytes as soon as the gate lets it."""
        with self._changed:
            self._frames.append((frame, size))
            self._wake()

    def received(self, seq: int, ack: int) -> None:
        """A message has come in. Raises ValueError when its numbers are not those of this protocol."""
        with self._changed:
            if not self._acknowledged <= ack <= self._sent:
                raise ValueError(f"it acknowledges message {ack} of {self._sent}")
            if seq not in (0, self._received + 1):
                raise ValueError(f"its message {seq} follows {self._received}")
            opens = ack > self._acknowledged
            self._acknowledged = ack
            if seq:
                self._received = seq
                self._ack_due = monotonic() + ACK_DELAY
            if seq or (opens and (self._frames or self._finishing)):
                self._wake()

    def finish(self) -> None:
        """Ends the stream once everything is said and acknowledged."""
        with self._changed:
            self._finishing = True
            self._wake()

    def __next__(self) -> SessionRequest:
        with self._changed:
            while True:
                owed = self._received_acknowledged < self._received
                if self._acknowledged == self._sent:
                    if self._frames:
                        self._sent += 1
                        return self._message(self._sent, self._batch())
                    if self._finishing and not owed:
                        raise StopIteration
                left = self._ack_due - monotonic() if owed else None
                if left is not None and left <= 0:
                    return self._message(0, [])
                self._waiting = True
                self._changed.wait(left)
                self._waiting = False

    def _wake(self) -> None:
        if self._waiting:
            self._changed.notify()

    def _message(self, seq: int, frames: list[WorkerFrame]) -> SessionRequest:
        self._received_acknowledged = self._received
        return SessionRequest(seq=seq, ack=self._received, frames=frames)

    def _batch(self) -> list[WorkerFrame]:
        frames: list[WorkerFrame] = []
        room = BATCH_BYTES
        while self._frames and (not frames or self._frames[0][1] <= room):
            frame, size = self._frames.popleft()
            frames.append(frame)
            room -= size
        return frames
