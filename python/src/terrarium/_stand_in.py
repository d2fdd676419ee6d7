"""While the main thread is busy with one call, this thread does for it what cannot wait: it sends the answers that are
ready, and receives, so that pings are answered, and so are calls that are cancelled before they begin."""

import threading
from _queue import SimpleQueue
from collections.abc import Callable
from time import sleep

from terrarium._calls import MainThread
from terrarium._frames import Carrier

_PATIENCE = 0.002
"""How long the main thread may be with one call before it is stood in for, in seconds."""

_BATCH_PATIENCE = 0.0004
"""The same for a batch. Its function mostly waits for a model or a database, and meanwhile the calls of the next one
can be received."""

_LONG_PATIENCE = 0.02
"""How long this thread waits between two looks while the main thread waits for the host, in seconds."""

_QUIET = 50
"""After so many looks at an idle main thread the next call has to wake this one."""


class StandIn:
    """``receive`` takes ``wait``, see ``Carrier.receive``, and answers how many calls for the main thread came."""

    def __init__(
        self,
        main_thread: MainThread,
        carrier: Carrier,
        receiving: threading.Lock,
        receive: "Callable[[bool], int]",
        flush: "Callable[[], None]",
    ) -> None:
        self._main_thread = main_thread
        self._carrier = carrier
        self._receiving = receiving
        self._receive = receive
        self._flush = flush
        self._stand_in = self._look if carrier.waits_are_short else self._wait
        main_thread.stand_in = self
        self.is_awake = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    @property
    def is_receiving(self) -> bool:
        """Whether a thread receives: for the main thread, this one."""
        return self._receiving.locked()

    def start(self) -> None:
        threading.Thread(target=self._run, name="terrarium-stand-in", daemon=True).start()

    def wake(self) -> None:
        """Call it when a call begins and this thread is not awake."""
        self.is_awake = True
        self._wake.put(None)

    def _run(self) -> None:
        main_thread = self._main_thread
        while True:
            self._wake.get()
            quiet = 0
            while quiet < _QUIET or main_thread.running:
                call = main_thread.running
                batches = main_thread.batches
                sleep(_PATIENCE if batches is None or not batches.is_running else _BATCH_PATIENCE)
                if call == 0:
                    quiet += 1
                elif call == main_thread.running:
                    quiet = 0
                    self._stand_in(call)
            self.is_awake = False
            if main_thread.running:
                self.wake()

    def _look(self, call: int) -> None:
        """Stands in as long as the call lasts. Waits without the lock, so that the main thread never waits for it: when
        the main thread receives again, it takes what this thread waits for."""
        self._flush()
        if self._main_thread.streams.is_running:
            return self._attend(call)
        while self._main_thread.running == call:
            if self._main_thread.is_in_host_call:
                sleep(_LONG_PATIENCE)  # the main thread receives itself
                continue
            if not self._carrier.has_come(wait=True):
                continue
            if not self._receiving.acquire(blocking=False):
                return
            try:
                self._receive(False)
            finally:
                self._receiving.release()
            self._flush()

    def _attend(self, call: int) -> None:
        """Stands in as long as a stream lasts. The main thread sends most items itself, and receives while it waits for
        credit: what is left are the last items before a pause, and frames that come while it makes the next item."""
        main_thread = self._main_thread
        while main_thread.running == call:
            sleep(_LONG_PATIENCE if main_thread.streams.is_waiting else _PATIENCE)
            if self._carrier.has_come(wait=False) and self._receiving.acquire(blocking=False):
                try:
                    self._receive(False)
                finally:
                    self._receiving.release()
            self._flush()

    def _wait(self, call: int) -> None:
        """Stands in until a call for the main thread comes, which has to wait for this thread meanwhile."""
        self._carrier.received(answers_follow=False)
        with self._receiving:
            while self._receive(True) == 0:
                pass
        # The call may be cancelled or answered already, and then the main thread has to receive.
        self._main_thread.wake()
