"""While the main thread runs a sync tool, this thread receives in its place, so pings and cancels are still handled."""

import threading
from _queue import SimpleQueue
from collections.abc import Callable
from time import sleep

from terrarium._calls import MainThread
from terrarium._outbox import Outbox

_PATIENCE = 0.002
"""How long the main thread may be with one call before it is stood in for, in seconds."""

_QUIET = 50
"""After so many looks at an idle main thread the next call has to wake this one."""


class StandIn:
    """``receive`` waits for one message and answers how many calls it had for the main thread."""

    def __init__(
        self, main_thread: MainThread, outbox: Outbox, receiving: threading.Lock, receive: "Callable[[], int]"
    ) -> None:
        self._main_thread = main_thread
        self._outbox = outbox
        self._receiving = receiving
        self._receive = receive
        main_thread.on_call = self._call_began
        self._is_awake = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def start(self) -> None:
        threading.Thread(target=self._run, name="terrarium-stand-in", daemon=True).start()

    def _call_began(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            self._wake.put(None)

    def _run(self) -> None:
        main_thread = self._main_thread
        while True:
            self._wake.get()
            quiet = 0
            while quiet < _QUIET or main_thread.running:
                call = main_thread.running
                sleep(_PATIENCE)
                if call == 0:
                    quiet += 1
                elif call == main_thread.running:
                    quiet = 0
                    self._stand_in()
            self._is_awake = False
            if main_thread.running:
                self._call_began()

    def _stand_in(self) -> None:
        self._outbox.acknowledge_soon()
        with self._receiving:
            while self._receive() == 0:
                pass
